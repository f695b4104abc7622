# A static binary in an image that holds nothing else but the root certificates.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=""
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/wxcast/wxcast/internal/cli.Version=${VERSION}" -o /out/wxcast . \
 && mkdir -p /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/wxcast /wxcast
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# For "serve"; other commands end before it is asked.
HEALTHCHECK --interval=10s --timeout=6s CMD ["/wxcast", "health"]
WORKDIR /data
VOLUME /data
ENTRYPOINT ["/wxcast"]
CMD ["--help"]
