//! Explores a model, and prints a violation as a history.

use std::collections::{HashSet, VecDeque};
use std::fmt::{Debug, Display};
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use stateright::{Checker, Expectation, Model};

/// A model whose histories can be explored.
pub trait Protocol:
    Model<
        State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
        Action: Clone + Debug + Display + PartialEq + Send + Sync,
    > + Send
    + Sync
    + 'static
{
}

impl<M> Protocol for M
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + Display + PartialEq + Send + Sync,
{
}

/// The number of random histories of each model in `npm test`; `HISTORIES` sets another number,
/// with other histories.
const HISTORIES: u64 = 500;

/// The result of exploring a model.
pub struct Walk {
    /// The number of states.
    pub states: usize,
    /// The shortest history that violates a property, one line for each step; empty if there is
    /// none.
    pub story: Vec<String>,
}

/// Explores all states of a model.
pub fn walk<M: Protocol>(model: M) -> Walk {
    let checker = model.checker().spawn_bfs().join();
    let story = checker.discoveries().into_keys().next().and_then(|property| {
        shortest(checker.model(), property).map(|actions| describe(property, &actions))
    });
    Walk { states: checker.unique_state_count(), story: story.unwrap_or_default() }
}

/// The shortest history that violates a property. The checker knows one, but not always the shortest.
fn shortest<M: Protocol>(model: &M, property: &str) -> Option<Vec<M::Action>> {
    let properties = model.properties();
    let property = properties.iter().find(|it| it.name == property).expect("a property");
    // Each step, with the place of the step before it.
    let mut steps: Vec<(usize, Option<M::Action>)> = vec![(0, None)];
    let hashes = RandomState::new();
    let mut seen = HashSet::new();
    let mut states: VecDeque<_> = model.init_states().into_iter().map(|it| (it, 0)).collect();
    let mut actions = Vec::new();
    while let Some((state, mut at)) = states.pop_front() {
        if !(property.condition)(model, &state) {
            let mut story = Vec::new();
            while let (before, Some(action)) = &steps[at] {
                story.push(action.clone());
                at = *before;
            }
            story.reverse();
            return Some(story);
        }
        model.actions(&state, &mut actions);
        for action in actions.drain(..) {
            let Some(next) = model.next_state(&state, action.clone()) else { continue };
            if seen.insert(hashes.hash_one(&next)) {
                steps.push((at, Some(action)));
                states.push_back((next, steps.len() - 1));
            }
        }
    }
    None
}

/// Prints the number of the removed guard, and the shortest history that violates the property in the
/// first of these models that has one. Used by the crate that guards.rs writes.
#[allow(dead_code)]
pub fn miss<M: Protocol>(guard: usize, property: &str, walks: Vec<(&'static str, M)>) {
    if let Some(actions) = walks.iter().find_map(|(_, model)| shortest(model, property)) {
        println!("@@@ {guard}\n{}", describe(property, &actions).join("\n"));
    }
}

/// Explores all states of a model. Fails with the history if a property is violated.
pub fn check<M: Protocol>(name: &str, model: M) {
    let begun = Instant::now();
    let Walk { states, story } = walk(model);
    println!("{name}: {states} states, {:.1} s", begun.elapsed().as_secs_f32());
    assert!(story.is_empty(), "{name}: {}", story.join("\n"));
}

/// Runs random histories of up to `steps` steps, each with its own seed. Fails with the seed and the
/// history if a property is violated.
pub fn wander<M: Protocol>(name: &str, model: &M, steps: usize) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match number("SEED") {
        Some(seed) => (seed, 1),
        None => (first_seed(), number("HISTORIES").unwrap_or(HISTORIES)),
    };
    let begun = Instant::now();
    for seed in (first..).take(usize::try_from(count).expect("a number of histories")) {
        if let Err(story) = history(model, seed, steps) {
            panic!("{name}: SEED={seed} repeats this. {}", story.join("\n"));
        }
    }
    let seconds = begun.elapsed().as_secs_f32();
    println!("{name}: {count} histories from seed {first} on, {seconds:.1} s");
}

/// Different in each run.
fn first_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
    now.as_secs() * 1_000_000
}

/// The history of one seed.
fn history<M: Protocol>(model: &M, seed: u64, steps: usize) -> Result<(), Vec<String>> {
    let mut random = Random(seed);
    let starts = model.init_states();
    let mut state = random.one_of(&starts).expect("an initial state").clone();
    let (mut story, mut actions) = (Vec::new(), Vec::new());
    for _ in 0..steps {
        actions.clear();
        model.actions(&state, &mut actions);
        let Some(action) = random.one_of(&actions).cloned() else { break };
        let Some(next) = model.next_state(&state, action.clone()) else { continue };
        state = next;
        story.push(action);
        for property in model.properties() {
            let holds = (property.condition)(model, &state);
            if matches!(property.expectation, Expectation::Always) && !holds {
                return Err(describe(property.name, &story));
            }
        }
    }
    Ok(())
}

fn describe<A: Display>(property: &str, actions: &[A]) -> Vec<String> {
    let steps = actions.iter().enumerate().map(|(n, action)| format!("{}. {action}", n + 1));
    std::iter::once(format!("[{property}] is violated by this history:")).chain(steps).collect()
}

/// Pseudo-random numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let length = u64::try_from(all.len()).ok().filter(|length| *length > 0)?;
        all.get(usize::try_from(self.next() % length).ok()?)
    }
}
