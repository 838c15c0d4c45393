//! Runs a model, and tells what went wrong as a story.

use std::fmt::{Debug, Display};
use std::hash::Hash;

use stateright::{Checker, Model};

/// What came of a walk.
pub struct Walk {
    /// How many states there are.
    pub states: usize,
    /// The shortest history that breaks a property, a line for each step; empty if there is none.
    pub story: Vec<String>,
}

/// Walks through all states of a model.
pub fn walk<M>(model: M) -> Walk
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + Display + PartialEq + Send + Sync,
{
    let checker = model.checker().threads(2).spawn_bfs().join();
    let discovery = checker.discoveries().into_iter().next();
    let story = discovery.map(|(property, path)| {
        let steps = path.into_actions().into_iter().enumerate();
        let steps = steps.map(|(n, action)| format!("{}. {action}", n + 1));
        std::iter::once(format!("[{property}] does not hold after this:")).chain(steps).collect()
    });
    Walk { states: checker.unique_state_count(), story: story.unwrap_or_default() }
}

/// Walks through all states of a model; fails with a story if a property does not hold in one of them.
pub fn check<M>(name: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + Display + PartialEq + Send + Sync,
{
    let Walk { states, story } = walk(model);
    println!("{name}: {states} states");
    assert!(story.is_empty(), "{name}: {}", story.join("\n"));
}
