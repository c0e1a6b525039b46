//! The edge: the proxy that users reach, which can hold requests while a switch is under way.
