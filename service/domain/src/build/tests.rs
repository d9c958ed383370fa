//! Problems from hand-made clusters, one table for each rule.
