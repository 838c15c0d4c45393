//! Nothing: the package is here for what it depends on.
