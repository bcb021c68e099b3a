// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

import "time"

// Policy says when a worker that died is started anew.
type Policy struct {
	First   time.Duration // before the second restart in a row; the first is at once
	Longest time.Duration // the most that doubling comes to
	Deaths  int           // so many deaths within Window open the breaker
	Window  time.Duration
	Open    time.Duration // how long the breaker then refuses
	Healthy time.Duration // a worker that lived so long makes the deaths before it forgotten
}

// DefaultPolicy is the policy of engines.
var DefaultPolicy = Policy{
	First: 10 * time.Millisecond, Longest: 2 * time.Second,
	Deaths: 10, Window: 10 * time.Second, Open: 5 * time.Second, Healthy: 30 * time.Second,
}

// State is where a worker's life stands.
type State int

// States of a worker.
const (
	Down     State = iota // none runs
	Starting              // one is being started
	Ready                 // one runs
	Closed                // none will run again
)

// Step is what whoever wants a worker has to do next.
type Step int

// Steps.
const (
	Use    Step = iota // the one that runs
	Launch             // start one, and say how that went
	Wait               // wait for who starts one, or until the time that was given
	Refuse             // the breaker is open until the time that was given
	Over               // the engine is closed
)

// Supervisor decides when a worker is started. It has no clock, no process and no lock of its own: whoever owns it says what time it is
// and what has happened, so that a test can play years of deaths in a moment.
type Supervisor struct {
	policy Policy
	jitter func() float64 // from 0 to 1

	state   State
	since   time.Time // of Ready
	row     int       // deaths in a row
	deaths  []time.Time
	notYet  time.Time // no start before
	refused time.Time // the breaker is open until
}

// NewSupervisor makes a supervisor of a worker that does not run.
func NewSupervisor(policy Policy, jitter func() float64) *Supervisor {
	return &Supervisor{policy: policy, jitter: jitter}
}

// State is the state now.
func (s *Supervisor) State() State { return s.state }

// Want says what to do for a caller that wants a worker. After Launch the caller must report with Started or Died.
func (s *Supervisor) Want(now time.Time) (Step, time.Time) {
	switch s.state {
	case Ready:
		return Use, now
	case Closed:
		return Over, now
	case Starting:
		return Wait, time.Time{}
	}
	if now.Before(s.refused) {
		return Refuse, s.refused
	}
	if now.Before(s.notYet) {
		return Wait, s.notYet
	}
	s.state = Starting
	return Launch, now
}

// Started reports that the worker that was launched runs.
func (s *Supervisor) Started(now time.Time) {
	if s.state == Starting {
		s.state, s.since = Ready, now
	}
}

// Died reports that the worker is gone, or could not be launched.
func (s *Supervisor) Died(now time.Time) {
	if s.state != Ready && s.state != Starting {
		return
	}
	if s.state == Ready && now.Sub(s.since) >= s.policy.Healthy {
		s.row, s.deaths = 0, nil
	}
	s.state = Down
	s.row++
	recent := s.deaths[:0]
	for _, death := range s.deaths {
		if now.Sub(death) < s.policy.Window {
			recent = append(recent, death)
		}
	}
	s.deaths = append(recent, now)
	s.notYet = now
	if s.row > 1 {
		pause := s.policy.Longest
		if doublings := s.row - 2; doublings < 20 {
			pause = min(pause, s.policy.First<<doublings)
		}
		s.notYet = now.Add(pause/2 + time.Duration(s.jitter()*float64(pause/2)))
	}
	if len(s.deaths) >= s.policy.Deaths {
		s.refused = now.Add(s.policy.Open)
		s.deaths = nil
	}
}

// Close says that no worker will be wanted again.
func (s *Supervisor) Close() { s.state = Closed }

// Deaths is the number of deaths in a row.
func (s *Supervisor) Deaths() int { return s.row }
