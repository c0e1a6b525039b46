//! All durable state of Trefoil: the application's log and the journals of its runs.
