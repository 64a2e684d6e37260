"""Lightning callbacks for a run: curves, random state, preemption, training time."""
