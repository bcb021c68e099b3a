// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

package bowyer

import "context"

// Explain asks the engine how it would run the plan: see [Prepared.Explain].
func (p Plan) Explain(ctx context.Context) (string, error) {
	prepared, err := p.Prepare(ctx)
	if err != nil {
		return "", err
	}
	defer prepared.Release()
	return prepared.Explain(), nil
}

// Explain returns the plan as text, one line for each node: as it was written, as it will run after the engine's rewrites, and the
// pipelines that run it. A filter that was split is shown in parts, as "filter[2]" and "filter[2]#2".
func (p *Prepared) Explain() string {
	d := p.description
	return "plan\n" + d.GetLogical() + "\noptimised\n" + d.GetOptimised() + "\npipelines\n" + d.GetPhysical()
}

// ExplainAnalyze runs the plan to its end, drops its rows, and returns the optimised plan with what was measured of each operator:
// rows and batches in and out, time on all threads together, and the most memory that it held, its results included.
func (p Plan) ExplainAnalyze(ctx context.Context, options ...RunOption) (string, error) {
	prepared, err := p.Prepare(ctx)
	if err != nil {
		return "", err
	}
	defer prepared.Release()
	return prepared.ExplainAnalyze(ctx, options...)
}

// ExplainAnalyze is [Plan.ExplainAnalyze] of the prepared plan.
func (p *Prepared) ExplainAnalyze(ctx context.Context, options ...RunOption) (string, error) {
	result, err := p.Run(ctx, options...)
	if err != nil {
		return "", err
	}
	defer result.Release()
	for result.Next() {
	}
	if err := result.Err(); err != nil {
		return "", err
	}
	return result.Stats().Analysis, nil
}
