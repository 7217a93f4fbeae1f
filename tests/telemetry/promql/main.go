// Command echo-promql evaluates PromQL queries on series with Prometheus's own engine, like CloudWatch for a dashboard:
// with dots in names, and histograms as one value each. Reads a JSON document, {"series", "queries"}, and writes the
// results by id.
package main

import (
	"context"
	"encoding/json"
	"log"
	"math"
	"os"
	"sort"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

type document struct {
	Series []struct {
		Labels map[string]string
		Points []point
	}
	Queries map[string]struct {
		Query string
		At    int64
	}
}

// A point of a series at T milliseconds: a number, or a histogram with one more Counts than Bounds.
type point struct {
	T      int64
	Value  *float64
	Sum    float64
	Bounds []float64
	Counts []float64
}

// The value is null for a quantile without data.
type answer struct {
	Labels map[string]string
	Value  *float64
}

func main() {
	var given document
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		log.Fatal(err)
	}
	var all []promql.Series
	for _, it := range given.Series {
		all = append(all, series(it.Labels, it.Points))
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	answers := map[string][]answer{}
	for id, it := range given.Queries {
		query, err := engine.NewInstantQuery(context.Background(), queryable(all), nil, it.Query, time.UnixMilli(it.At))
		if err != nil {
			log.Fatalf("%s: %v", it.Query, err)
		}
		vector, err := query.Exec(context.Background()).Vector()
		if err != nil {
			log.Fatalf("%s: %v", it.Query, err)
		}
		answers[id] = []answer{}
		for _, sample := range vector {
			one := answer{Labels: sample.Metric.Map()}
			if !math.IsNaN(sample.F) {
				one.Value = &sample.F
			}
			answers[id] = append(answers[id], one)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}

func series(names map[string]string, points []point) promql.Series {
	made := promql.Series{Metric: labels.FromMap(names)}
	for _, it := range points {
		if it.Value != nil {
			made.Floats = append(made.Floats, promql.FPoint{T: it.T, F: *it.Value})
			continue
		}
		whole := &histogram.FloatHistogram{
			Schema:          histogram.CustomBucketsSchema,
			Sum:             it.Sum,
			CustomValues:    it.Bounds,
			PositiveSpans:   []histogram.Span{{Length: uint32(len(it.Counts))}},
			PositiveBuckets: it.Counts,
		}
		for _, count := range it.Counts {
			whole.Count += count
		}
		if err := whole.Validate(); err != nil {
			log.Fatal(err)
		}
		made.Histograms = append(made.Histograms, promql.HPoint{T: it.T, H: whole})
	}
	return made
}

// queryable returns the series that match a query's matchers.
func queryable(all []promql.Series) storage.Queryable {
	sort.Slice(all, func(a, b int) bool { return labels.Compare(all[a].Metric, all[b].Metric) < 0 })
	selected := func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		found := &set{at: -1}
		for _, one := range all {
			fits := true
			for _, matcher := range matchers {
				fits = fits && matcher.Matches(one.Metric.Get(matcher.Name))
			}
			if fits {
				found.series = append(found.series, promql.NewStorageSeries(one))
			}
		}
		return found
	}
	return &storage.MockQueryable{MockQuerier: &storage.MockQuerier{SelectMockFunction: selected}}
}

type set struct {
	series []*promql.StorageSeries
	at     int
}

func (s *set) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *set) At() storage.Series                { return s.series[s.at] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }
