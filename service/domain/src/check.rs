//! Judges a plan: shares no code with the solver.
