//! Pure planners: from facts to a plan.
