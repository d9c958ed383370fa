//! A model of kube-scheduler: its default filters and scores, and the referee built on it.
