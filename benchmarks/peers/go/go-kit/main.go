// A gateway as go-kit's users write one: an HTTP server in front of an endpoint that balances and retries over HTTP
// clients, one for each instance.
//
//	go-kit LISTEN INSTANCE...     each HOST:PORT
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	httptransport "github.com/go-kit/kit/transport/http"
)

// forwarded is a request on its way through the endpoint, its body kept so that it can be sent again.
type forwarded struct {
	method, path, query string
	header              http.Header
	body                []byte
}

type answered struct {
	status int
	header http.Header
	body   []byte
}

func main() {
	listen, instances := os.Args[1], os.Args[2:]
	client := &http.Client{
		// The default keeps two idle connections an instance, which would measure connecting.
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, IdleConnTimeout: 30 * time.Second, DisableCompression: true},
	}
	var endpoints sd.FixedEndpointer
	for _, instance := range instances {
		endpoints = append(endpoints, endpointOf(instance, client))
	}
	balanced := lb.Retry(3, 10*time.Second, lb.NewRoundRobin(endpoints))
	server := &http.Server{
		Addr:              listen,
		Handler:           httptransport.NewServer(balanced, decodeRequest, encodeResponse),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}

func endpointOf(instance string, client *http.Client) endpoint.Endpoint {
	target := &url.URL{Scheme: "http", Host: instance}
	return httptransport.NewClient(
		http.MethodGet, target, encodeRequest, decodeResponse, httptransport.SetClient(client),
	).Endpoint()
}

func decodeRequest(_ context.Context, r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	header := r.Header.Clone()
	removeHopByHop(header)
	header.Set("X-Request-ID", requestID())
	return forwarded{r.Method, r.URL.Path, r.URL.RawQuery, header, body}, nil
}

func encodeRequest(_ context.Context, r *http.Request, request any) error {
	from := request.(forwarded)
	r.Method, r.URL.Path, r.URL.RawQuery, r.Header = from.method, from.path, from.query, from.header
	r.ContentLength = int64(len(from.body))
	if len(from.body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(from.body))
	}
	return nil
}

func decodeResponse(_ context.Context, r *http.Response) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	removeHopByHop(r.Header)
	return answered{r.StatusCode, r.Header, body}, nil
}

func encodeResponse(_ context.Context, w http.ResponseWriter, response any) error {
	from := response.(answered)
	for name, values := range from.header {
		w.Header()[name] = values
	}
	w.WriteHeader(from.status)
	_, err := w.Write(from.body)
	return err
}

func removeHopByHop(header http.Header) {
	for _, name := range []string{"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		header.Del(name)
	}
}

func requestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	return hex.EncodeToString(id[:])
}
