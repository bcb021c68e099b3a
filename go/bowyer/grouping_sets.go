// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import "slices"

// maxCubeKeys is how many keys a Cube takes: it has 4096 sets then.
const maxCubeKeys = 12

// Sets groups by each of several sets of the keys, named as their columns are, in one pass: one result after the other would
// be a union of aggregates. Keys that are not in a set are null in its rows. After the keys stands the column "grouping_id",
// an int64 with a bit for each key left out, the last key's the lowest. An empty set is one group of all rows.
func (g Grouped) Sets(sets ...[]string) Grouped {
	g.sets = make([][]string, len(sets))
	for i, set := range sets {
		g.sets[i] = slices.Clone(set)
	}
	g.choice = listedSets
	return g
}

// Rollup is Sets of all keys, all but the last, and so on to none: subtotals and a total.
func (g Grouped) Rollup() Grouped {
	g.choice = rollupSets
	return g
}

// Cube is Sets of every choice of the keys, of which there may be twelve.
func (g Grouped) Cube() Grouped {
	g.choice = cubeSets
	return g
}

// setChoice is how a Grouped chooses its grouping sets.
type setChoice uint8

const (
	allKeys setChoice = iota
	listedSets
	rollupSets
	cubeSets
)

// groupingSets are the sets as indices of keys, which have these columns; none for all keys alone.
func (g Grouped) groupingSets(keys []column) ([][]uint32, *Error) {
	switch g.choice {
	case rollupSets:
		sets := make([][]uint32, 0, len(keys)+1)
		for count := len(keys); count >= 0; count-- {
			sets = append(sets, chosenKeys(len(keys), func(key int) bool { return key < count }))
		}
		return sets, nil
	case cubeSets:
		if len(keys) > maxCubeKeys {
			return nil, errorf(CodeLimitExceeded, "Cube: %d keys, but at most %d are taken", len(keys), maxCubeKeys)
		}
		sets := make([][]uint32, 0, 1<<len(keys))
		for choice := range 1 << len(keys) {
			sets = append(sets, chosenKeys(len(keys), func(key int) bool { return choice>>key&1 == 0 }))
		}
		return sets, nil
	}
	sets := make([][]uint32, len(g.sets))
	for i, names := range g.sets {
		for _, name := range names {
			key := slices.IndexFunc(keys, func(key column) bool { return key.name == name })
			if key < 0 {
				return nil, errorf(CodeNotFound, "Sets: no key is named %q", name)
			}
			sets[i] = append(sets[i], uint32(key))
		}
	}
	return sets, nil
}

func chosenKeys(count int, isChosen func(key int) bool) []uint32 {
	set := []uint32{}
	for key := range count {
		if isChosen(key) {
			set = append(set, uint32(key))
		}
	}
	return set
}
