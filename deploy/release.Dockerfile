# The image of a release: the static program of `cargo xtask release` and nothing else, no shell and no system. To build an
# image from the sources, see Dockerfile.
FROM scratch
COPY devspaces /usr/local/bin/devspaces
COPY LICENSE devspaces.cdx.json /usr/share/doc/devspaces/
# Nobody in particular, and nobody of the host.
USER 10001:10001
ENV DEVSPACES_LISTEN=0.0.0.0:7000 PATH=/usr/local/bin
EXPOSE 7000
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["/usr/local/bin/devspaces", "health"]
ENTRYPOINT ["/usr/local/bin/devspaces"]
CMD ["--help"]
