package obs

import (
	"crypto/subtle"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is one program's set of measures. Use NewMetrics.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// NewMetrics makes a registry with the measures of the Go runtime, the process, the build and HTTP.
// version may be "": the version control's is taken.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "entraide_http_requests_total", Help: "HTTP requests answered.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "entraide_http_request_seconds", Help: "Time to answer a request, event streams left out.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "entraide_http_requests_in_flight", Help: "HTTP requests and event streams being answered.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "entraide_build_info", Help: "Always 1; the labels tell what is running.",
		ConstLabels: prometheus.Labels{"version": Version(version), "revision": revision(), "go": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.seconds, m.inFlight, build)
	return m
}

// Registry is where other packages' collectors are added at wiring time.
func (m *Metrics) Registry() prometheus.Registerer { return m.registry }

// Gauges registers a measure that is read anew at each scrape: read returns one value per value of label, for
// example jobs by state. Errors: a name registered before.
func (m *Metrics) Gauges(name, help, label string, read func() map[string]float64) error {
	return m.registry.Register(gauges{prometheus.NewDesc(name, help, []string{label}, nil), read})
}

type gauges struct {
	desc *prometheus.Desc
	read func() map[string]float64
}

func (g gauges) Describe(ch chan<- *prometheus.Desc) { ch <- g.desc }

func (g gauges) Collect(ch chan<- prometheus.Metric) {
	for label, v := range g.read() {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, v, label)
	}
}

// HTTP counts and times requests by route pattern and status class. A path never becomes a label: strangers would
// fill the memory with invented ones.
func (m *Metrics) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		m.inFlight.Inc()
		observe(next, w, r, func(rec *recorder, route string) {
			m.inFlight.Dec()
			if route == "" {
				route = "none"
			}
			class := strconv.Itoa(rec.code()/100) + "xx"
			m.requests.WithLabelValues(route, class).Inc()
			if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/event-stream") {
				m.seconds.WithLabelValues(route, class).Observe(time.Since(start).Seconds())
			}
		})
	})
}

// Handler answers scrapes to anybody: it belongs on an address of its own.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Guarded answers scrapes that carry the bearer token; the others, and all of them if token is "", learn nothing (404).
func (m *Metrics) Guarded(token string) http.Handler {
	h := m.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token == "" || !ok || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Version returns version if it is not "", else that of the build, else "dev".
func Version(version string) string {
	if version != "" {
		return version
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return "dev"
}

// revision is the commit the program was built from, "unknown" if the build did not record it.
func revision() string {
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
