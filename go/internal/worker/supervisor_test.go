// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"math/rand/v2"
	"testing"
	"time"
)

// simulate plays one life of a supervisor by seed: workers that start or fail, live and die, callers that come and go. It returns what
// rule was broken.
func simulate(seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 7))
	policy := Policy{
		First: time.Duration(1+random.IntN(50)) * time.Millisecond, Longest: time.Duration(1+random.IntN(4)) * time.Second,
		Deaths: 2 + random.IntN(10), Window: time.Duration(1+random.IntN(20)) * time.Second,
		Open: time.Duration(1+random.IntN(10)) * time.Second, Healthy: time.Duration(1+random.IntN(60)) * time.Second,
	}
	s := NewSupervisor(policy, random.Float64)
	now := time.Unix(0, 0)
	var starting, running, closed bool
	var mayNot time.Time // before this nothing may be launched
	for range 200 {
		if random.IntN(3) > 0 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64(policy.Window/8)))
		}
		switch random.IntN(6) {
		case 0, 1, 2:
			step, until := s.Want(now)
			switch {
			case closed && step != Over:
				return "a worker for an engine that is closed"
			case !closed && running && step != Use:
				return "a worker that runs is not used"
			case !closed && !running && step == Use:
				return "a worker that is gone is used"
			case step == Launch && starting:
				return "two workers at a time"
			case step == Launch && now.Before(mayNot):
				return "a start before its time"
			case (step == Wait && !starting || step == Refuse) && !until.After(now):
				return "a wait for a time that has passed"
			case step == Wait && !starting && until.Sub(now) > policy.Longest:
				return "a pause that is longer than the longest"
			case step == Refuse && until.Sub(now) > policy.Open:
				return "a breaker that is open for too long"
			}
			if step == Launch {
				starting = true
			}
		case 3:
			if starting {
				starting, running = false, true
				s.Started(now)
			}
		case 4:
			if starting || running {
				starting, running = false, false
				s.Died(now)
				mayNot = now
				if s.Deaths() > 1 {
					mayNot = now.Add(min(policy.First, policy.Longest) / 2)
				}
			}
		case 5:
			if random.IntN(100) == 0 {
				s.Close()
				closed, starting, running = true, false, false
			}
		}
	}
	// However it went, patience is rewarded: later than every pause, a worker may be had.
	if !closed && !starting && !running {
		if step, _ := s.Want(now.Add(policy.Open + policy.Longest)); step != Launch {
			return "stuck"
		}
	}
	return ""
}

func TestSupervisorKeepsItsRulesForEverySeed(t *testing.T) {
	for seed := range uint64(20_000) {
		if broken := simulate(seed); broken != "" {
			t.Fatalf("seed %d: %s", seed, broken)
		}
	}
}

func TestFirstRestartIsAtOnceAndPausesDouble(t *testing.T) {
	s := NewSupervisor(DefaultPolicy, func() float64 { return 1 })
	now := time.Unix(0, 0)
	var pauses []time.Duration
	for range 6 {
		if step, _ := s.Want(now); step != Launch {
			t.Fatalf("got step %d", step)
		}
		s.Started(now)
		s.Died(now)
		step, until := s.Want(now)
		if step == Launch {
			until = now
			s.Died(now) // that start failed too
			step, until = s.Want(now)
			if step != Wait {
				t.Fatalf("after a second death: step %d", step)
			}
		}
		pauses = append(pauses, until.Sub(now))
		now = until
	}
	for i := 1; i < len(pauses); i++ {
		if pauses[i] != 2*pauses[i-1] {
			t.Fatalf("pauses %v", pauses)
		}
	}
}

func TestTheBreakerOpensAndCloses(t *testing.T) {
	s := NewSupervisor(DefaultPolicy, func() float64 { return 0 })
	now := time.Unix(0, 0)
	for deaths := 0; deaths < DefaultPolicy.Deaths; {
		switch step, until := s.Want(now); step {
		case Launch:
			s.Died(now)
			deaths++
		case Wait:
			now = until
		default:
			t.Fatalf("after %d deaths: step %d", deaths, step)
		}
	}
	step, until := s.Want(now)
	if step != Refuse || until.Sub(now) != DefaultPolicy.Open {
		t.Fatalf("step %d until %s", step, until.Sub(now))
	}
	if step, _ := s.Want(until.Add(DefaultPolicy.Longest)); step != Launch {
		t.Fatalf("after the breaker: step %d", step)
	}
	s.Started(until)
	s.Died(until.Add(DefaultPolicy.Healthy))
	if s.Deaths() != 1 {
		t.Errorf("%d deaths in a row after a long life", s.Deaths())
	}
}

func TestQuarantineNeedsTwoDeathsOfTheSame(t *testing.T) {
	var q Quarantine
	suspect := Suspect{Operation: 1, Rows: 2, Bytes: 3}
	sum := func() uint64 { return 7 }
	for deaths := range 3 {
		if got := q.Refuses(suspect, sum); got != (deaths >= 2) {
			t.Errorf("after %d deaths: %v", deaths, got)
		}
		q.Accuse(suspect, 7)
	}
	if q.Refuses(suspect, func() uint64 { return 8 }) {
		t.Error("another batch of the same size is refused")
	}
	if q.Refuses(Suspect{Operation: 2, Rows: 2, Bytes: 3}, sum) {
		t.Error("another function is refused the batch")
	}
}
