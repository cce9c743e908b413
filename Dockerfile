# Two stages: the first builds a self-contained environment, the second holds only that and runs without root.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/chancery
COPY pyproject.toml README.md LICENSE ./
COPY translators ./translators
COPY xds_server ./xds_server
COPY envoy-configs ./envoy-configs
COPY examples/demo ./examples/demo
RUN /opt/chancery/bin/pip install --no-cache-dir --no-compile . \
 && /opt/chancery/bin/pip uninstall --yes pip \
 && python -m compileall -q /opt/chancery/lib

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin chancery
COPY --from=build /opt/chancery /opt/chancery
ENV PATH=/opt/chancery/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CHANCERY_CONFIG=/config \
    CHANCERY_ADDRESS=0.0.0.0 \
    CHANCERY_LOG_FORMAT=json
USER 10001:10001
# The admin API stays on the container's loopback, where the health check asks it.
EXPOSE 15010
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:15014/healthz', timeout=2)"]
ENTRYPOINT ["chancery"]
CMD ["serve"]
