"""A pytest plugin: tests of one `xdist_group` go to one worker.

With `--dist loadgroup` xdist reads a test's group in its id and writes it there as `_nodeid`, which pytest 9.2 no
longer reads: every group would be spread over all workers.
"""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not getattr(config.option, "loadgroup", False):  # set in workers only
        return
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        if mark and item.parent and not item.nodeid.endswith(f"@{mark.args[0]}"):
            item._id = item.parent.id.child(f"{item.name}@{mark.args[0]}")
