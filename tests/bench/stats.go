package main

import (
	"math"
	"slices"
	"time"
)

// series is what one contender did in one operation.
type series struct {
	samples []sample
	failure string // why there are no more samples
}

// results are the series by operation and contender.
type results map[string]map[string]*series

// of is nil when the contender was not measured.
func (r results) of(operation, contender string) *series { return r[operation][contender] }

// series makes the series when it is not there.
func (r results) series(operation, contender string) *series {
	if r[operation] == nil {
		r[operation] = map[string]*series{}
	}
	if r[operation][contender] == nil {
		r[operation][contender] = &series{}
	}
	return r[operation][contender]
}

// summary is what a table shows of a series.
type summary struct {
	count            int
	least, p10, half time.Duration // minimum, 10th percentile, median of the wall clock
	cpu              time.Duration // median
	peak             int64         // KiB, median
}

func (s *series) summary() summary {
	if s == nil || len(s.samples) == 0 {
		return summary{}
	}
	var wall, cpu []time.Duration
	var peak []int64
	for _, one := range s.samples {
		wall, cpu, peak = append(wall, one.wall), append(cpu, one.cpu), append(peak, one.peak)
	}
	slices.Sort(wall)
	return summary{
		count: len(wall), least: wall[0], p10: percentile(wall, 10), half: percentile(wall, 50),
		cpu: median(cpu), peak: median(peak),
	}
}

func median[T int64 | time.Duration](values []T) T {
	slices.Sort(values)
	return percentile(values, 50)
}

// percentile is the nearest-rank percentile of sorted values: always one that was measured.
func percentile[T any](sorted []T, percent int) T {
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

// ratio compares two summaries, by median and by 10th percentile.
type ratio struct{ half, p10 float64 }

// over is how many times as long as other s takes; NaN where one was not measured.
func (s summary) over(other summary) ratio {
	if s.count == 0 || other.count == 0 {
		return ratio{math.NaN(), math.NaN()}
	}
	return ratio{half: float64(s.half) / float64(other.half), p10: float64(s.p10) / float64(other.p10)}
}

func (r ratio) known() bool { return !math.IsNaN(r.half) }

// perSecond is the rate of turns that took d.
func perSecond(turns int, d time.Duration) float64 { return float64(turns) / d.Seconds() }
