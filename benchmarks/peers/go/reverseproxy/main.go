// A gateway of the standard library alone: httputil.ReverseProxy over instances taken in turn.
//
//	reverseproxy LISTEN INSTANCE...     each HOST:PORT
package main

import (
	"crypto/rand"
	"encoding/hex"
	"log"
	"net/http"
	"net/http/httputil"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// buffers spares each response an allocation of 32 KiB.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte  { return b.pool.Get().([]byte) }
func (b *buffers) Put(p []byte) { b.pool.Put(p) } //nolint:staticcheck

func main() {
	listen, instances := os.Args[1], os.Args[2:]
	var turn uint64
	proxy := &httputil.ReverseProxy{
		Director: func(r *http.Request) {
			r.URL.Scheme = "http"
			r.URL.Host = instances[atomic.AddUint64(&turn, 1)%uint64(len(instances))]
			r.Header.Set("X-Request-ID", requestID())
		},
		// The default keeps two idle connections an instance, which would measure connecting.
		Transport:  &http.Transport{MaxIdleConnsPerHost: 1024, IdleConnTimeout: 30 * time.Second, DisableCompression: true},
		BufferPool: &buffers{sync.Pool{New: func() any { return make([]byte, 32*1024) }}},
	}
	server := &http.Server{Addr: listen, Handler: proxy, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func requestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	return hex.EncodeToString(id[:])
}
