// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cabi

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/bowyer-arrow/bowyer/go/internal/worker"
)

// harms are what a worker does that was started with the argument "faults", by the number of rows that it is called with.
var harms = []struct {
	name string
	rows int
	code int32
}{
	{"a fault of memory", 7001, codeWorkerLost},
	{"an abort", 7002, codeWorkerLost},
	{"no memory left", 7003, codeWorkerLost},
	{"no stack left", 7004, codeWorkerLost},
	{"an endless loop", 7005, codeDeadlineExceeded},
	{"an answer that lies", 7006, codeWorkerLost},
	{"a file that is too short", 7007, codeWorkerLost},
	{"a socket that is closed", 7008, codeWorkerLost},
}

// atOnce lets every worker be followed by another without a pause.
var atOnce = worker.Policy{First: time.Microsecond, Longest: time.Microsecond, Deaths: 1 << 30, Window: time.Second, Healthy: time.Hour}

// trustSeconds is how long a long run of this file's tests may take, each; 0: a short run, as in every test.
func trustSeconds() time.Duration {
	seconds, _ := strconv.Atoi(os.Getenv("BOWYER_TRUST_SECONDS"))
	return time.Duration(seconds) * time.Second
}

// from counts up from a number: no two batches of a run are the same, or they would come into quarantine.
func from(first, rows int) *array.Int64 {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range rows {
		b.Append(int64(first + i))
	}
	return b.NewInt64Array()
}

func TestEveryFaultOfAWorkerIsATypedErrorAndTheNextCallIsAnswered(t *testing.T) {
	for _, spare := range []bool{false, true} {
		t.Run(fmt.Sprintf("spare=%v", spare), func(t *testing.T) { faultMatrix(t, spare) })
	}
}

func faultMatrix(t *testing.T, spare bool) {
	engine := openWith(t, WorkerOptions{
		Level: 2, Grace: 10 * time.Millisecond, Policy: atOnce, Spare: spare, Arguments: []string{"faults"},
	})
	f := adder(t, engine)
	rounds, enough := 2, time.Now().Add(time.Hour)
	if long := trustSeconds(); long > 0 {
		rounds, enough = 1000, time.Now().Add(long)
	}
	var restarts []time.Duration
	count := 0
	for round := range rounds {
		for _, harm := range harms {
			awaitSpare(t, engine)
			conn, err := engine.options.remote.current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if harm.code == codeDeadlineExceeded {
				ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
			}
			evil := from(round, harm.rows)
			if err := doubled(ctx, engine, f, evil); codeOf(err) != harm.code {
				t.Errorf("%s: got %v", harm.name, err)
			} else if round == 0 {
				t.Logf("%s: %v", harm.name, err)
			}
			cancel()
			evil.Release()
			<-conn.Dead()
			began := time.Now()
			good := from(round, 1000)
			if err := doubled(t.Context(), engine, f, good); err != nil {
				t.Errorf("after %s: %v", harm.name, err)
			}
			restarts = append(restarts, time.Since(began))
			good.Release()
			count++
		}
		if time.Now().After(enough) {
			break
		}
	}
	slices.Sort(restarts)
	kind := "without a spare"
	if spare {
		kind = "with a spare"
	}
	if t.Failed() {
		return
	}
	t.Logf("TRUST worker faults %s: %d, of %d kinds in turn; host alive, typed errors, 0 wrong answers; next answer after a death p50 %s, p99 %s, worst %s",
		kind, count, len(harms), share(restarts, 0.5), share(restarts, 0.99), restarts[len(restarts)-1].Round(10*time.Microsecond))
}

// awaitSpare waits until a spare is there, if the engine has one.
func awaitSpare(t *testing.T, engine *Engine) {
	t.Helper()
	r := engine.options.remote
	for deadline := time.Now().Add(20 * time.Second); r.options.Spare; time.Sleep(100 * time.Microsecond) {
		r.mutex.Lock()
		there := r.spare != nil
		r.mutex.Unlock()
		if there {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no spare is started")
		}
	}
}

func share(sorted []time.Duration, part float64) time.Duration {
	return sorted[int(part*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

func TestKillingTheWorkerAtAnyTimeGivesNoWrongAnswer(t *testing.T) {
	total := chaos{}
	seed, most, enough := uint64(1), uint64(2), time.Now().Add(time.Hour)
	if long := trustSeconds(); long > 0 {
		most, enough = 1<<40, time.Now().Add(long)
	}
	for ; seed <= most && time.Now().Before(enough); seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { total.run(t, seed) })
		if t.Failed() {
			break
		}
	}
	if t.Failed() {
		return
	}
	t.Logf("TRUST workers killed, stopped and continued at random: %d seeds, %d kills, %d right answers, %d calls lost with their worker, 0 wrong answers",
		seed-1, total.kills, total.right, total.lost)
}

// chaos counts what came of rounds of it.
type chaos struct{ kills, right, lost int }

// chaosCalls is how many calls a round of chaos makes in each of its goroutines.
const chaosCalls = 40

func (c *chaos) run(t *testing.T, seed uint64) {
	engine := openWith(t, WorkerOptions{Level: 2, Grace: 50 * time.Millisecond, Policy: atOnce, Spare: seed%2 == 0})
	f := adder(t, engine)
	stop := make(chan struct{})
	killed := make(chan int)
	go func() { killed <- harass(engine, seed, stop) }()
	var all sync.WaitGroup
	answers := make(chan error, 3*chaosCalls)
	for part := range 3 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range chaosCalls {
				column := counting(1 + (i*7919+part)%200_000)
				answers <- doubled(context.Background(), engine, f, column)
				column.Release()
			}
		}()
	}
	all.Wait()
	close(stop)
	c.kills += <-killed
	close(answers)
	for err := range answers {
		switch {
		case err == nil:
			c.right++
		case codeOf(err) == codeWorkerLost:
			c.lost++
		default:
			t.Errorf("got %v", err)
		}
	}
	column := counting(10)
	defer column.Release()
	if err := doubled(t.Context(), engine, f, column); err != nil && codeOf(err) != codeWorkerLost {
		t.Error(err)
	}
}

// harass kills the worker, or stops it for a while, at times that the seed says, until it is told to stop. It returns the kills.
func harass(engine *Engine, seed uint64, stop <-chan struct{}) (kills int) {
	random := rand.New(rand.NewPCG(seed, 4))
	signals := []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGSTOP}
	for {
		select {
		case <-stop:
			return kills
		case <-time.After(time.Duration(random.IntN(30)) * time.Millisecond):
		}
		pid := pidOf(engine)
		if pid == 1<<30 {
			continue
		}
		signal := signals[random.IntN(len(signals))]
		_ = syscall.Kill(pid, signal)
		if signal == syscall.SIGSTOP {
			time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
			_ = syscall.Kill(pid, syscall.SIGCONT)
		} else {
			kills++
		}
	}
}
