// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package worker

// Everywhere is the path of a worker program in which every engine runs that could run in this process too: tests of the API set it
// before they open the first one, to ask the same of both. "" is nowhere.
var Everywhere string

// EverywhereVariable names the variable of the environment from which the tests' main functions set Everywhere.
const EverywhereVariable = "BOWYER_TEST_WORKER"
