"""The migrated database that every test database is a copy of, so that migrations run once and not in every worker.

It is kept as a dump among pytest's own cache, under a name made of the migrations and requirements: while neither
changes, the next run only restores it. Django still looks for migrations to apply and gives roles their permissions.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".pytest_cache" / "databases"
NAME = "demand_template"


def make(url: str, *, programs: Path) -> None:
    """Create it on the server of `url`. programs: the folder of psql and pg_dump."""
    _create(url)
    address = f"{url.rpartition('/')[0]}/{NAME}"
    dump = CACHE / f"{_key(programs)}.sql"
    if dump.exists():
        _run(programs / "psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}", f"--dbname={address}")
        return
    _run(Path(sys.executable), str(ROOT / "manage.py"), "migrate", "--verbosity=0", DATABASE_URL=address)
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = dump.with_suffix(f".{os.getpid()}")  # another run may make the same one
    _run(programs / "pg_dump", "--no-owner", f"--file={fresh}", f"--dbname={address}")
    for old in CACHE.glob("*.sql"):
        old.unlink(missing_ok=True)
    fresh.rename(dump)


def _create(url: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {NAME}")
    connection.close()


def _key(programs: Path) -> str:
    """What the schema is made of: our migrations, those of the requirements, and the server's version."""
    digest = hashlib.sha256(str(programs).encode())
    for file in sorted([*ROOT.glob("*/migrations/*.py"), ROOT / "requirements" / "dev.txt"]):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:32]


def _run(program: Path, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [program, *arguments], env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed while the tests' database was made:\n{done.stdout}{done.stderr}")
