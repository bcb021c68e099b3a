// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import "sync"

// Suspect names what a worker was given to read, and what it was to do with it: a cheap part that is compared first, and the sum of
// everything, which is only made when the cheap part is known.
type Suspect struct {
	Operation            uint64
	Rows, Buffers, Bytes int64
}

// Quarantine counts deaths at which something was in flight. What was so at two is refused from then on.
type Quarantine struct {
	mutex sync.Mutex
	cases map[Suspect]map[uint64]int
	count int
}

const (
	fatalDeaths  = 2
	mostSuspects = 4096
)

// Accuse counts one death.
func (q *Quarantine) Accuse(s Suspect, sum uint64) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.cases == nil || q.count >= mostSuspects {
		q.cases, q.count = map[Suspect]map[uint64]int{}, 0
	}
	if q.cases[s] == nil {
		q.cases[s] = map[uint64]int{}
	}
	if q.cases[s][sum] == 0 {
		q.count++
	}
	q.cases[s][sum]++
}

// Refuses reports whether something was in flight at two deaths. The sum is only asked for when that is possible.
func (q *Quarantine) Refuses(s Suspect, sum func() uint64) bool {
	q.mutex.Lock()
	known := q.cases[s]
	suspected := false
	for _, deaths := range known {
		suspected = suspected || deaths >= fatalDeaths
	}
	q.mutex.Unlock()
	if !suspected {
		return false
	}
	exact := sum()
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.cases[s][exact] >= fatalDeaths
}
