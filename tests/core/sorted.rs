//! Sorted lists behave as the standard library's collections do.

use std::collections::{BTreeMap, BTreeSet};

use connector_status::values::sorted::{SortedMap, merge, sort, unique};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u16),
    Add(u8, u16),
    Change(u8, u16),
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<u8>(), any::<u16>()).prop_map(|(key, value)| Step::Insert(key, value)),
        (any::<u8>(), any::<u16>()).prop_map(|(key, value)| Step::Add(key, value)),
        (any::<u8>(), any::<u16>()).prop_map(|(key, value)| Step::Change(key, value)),
        any::<u8>().prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn a_sorted_map_holds_what_a_btree_map_holds(steps in vec(step(), 0..400)) {
        let (mut map, mut expected) = (SortedMap::default(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    map.insert(key, value);
                    expected.insert(key, value);
                }
                Step::Add(key, value) => {
                    let sum: &mut u16 = map.get_or_insert_default(key);
                    *sum = sum.wrapping_add(value);
                    let sum: &mut u16 = expected.entry(key).or_default();
                    *sum = sum.wrapping_add(value);
                }
                Step::Change(key, value) => {
                    let found = map.get_mut(&key).map(|it| *it = value).is_some();
                    prop_assert_eq!(found, expected.get_mut(&key).map(|it| *it = value).is_some());
                }
                Step::Remove(key) => prop_assert_eq!(map.remove(&key), expected.remove(&key)),
            }
            prop_assert_eq!(map.len(), expected.len());
        }
        for key in 0..=u8::MAX {
            prop_assert_eq!(map.get(&key), expected.get(&key));
            prop_assert_eq!(map.contains_key(&key), expected.contains_key(&key));
        }
        prop_assert!(map.iter().eq(expected.iter()));
        prop_assert!(map.keys().eq(expected.keys()));
        prop_assert!(map.values().eq(expected.values()));
        let json = serde_json::to_string(&map).unwrap();
        prop_assert_eq!(json, serde_json::to_string(&expected).unwrap());
        prop_assert_eq!(map.into_entries(), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_sorted_list_keeps_the_order_of_equal_items(items in vec((0..20u8, any::<u16>()), 0..200)) {
        let (mut sorted, mut expected) = (items.clone(), items);
        sort(&mut sorted, &mut |a, b| a.0.cmp(&b.0));
        expected.sort_by_key(|item| item.0);
        prop_assert_eq!(sorted, expected);
    }

    #[test]
    fn merging_adds_up_what_is_equal(items in vec((0..20u8, any::<u16>()), 0..200)) {
        let mut merged: Vec<_> = items.iter().map(|(key, count)| (*key, u64::from(*count))).collect();
        merge(&mut merged, &mut |a, b| a.0.cmp(&b.0), &mut |first, it| first.1 += it.1);
        let mut expected = BTreeMap::new();
        for (key, count) in items {
            *expected.entry(key).or_default() += u64::from(count);
        }
        prop_assert_eq!(merged, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn unique_texts_are_those_of_a_set(texts in vec("[a-c]{0,3}", 0..100)) {
        let expected: BTreeSet<String> = texts.iter().cloned().collect();
        prop_assert!(unique(texts).iter().eq(expected.iter()));
    }
}
