//! The guide and the table of toxics agree.

use keel_proxy::toxic::TYPES;

/// The types in the tables of the guide's section on toxics, with the whole row.
fn rows() -> Vec<(String, String)> {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/proxy.md")).unwrap();
    let (_, toxics) = guide.split_once("\n## Toxics\n").unwrap();
    let (toxics, _) = toxics.split_once("\n## ").unwrap();
    let rows = toxics.lines().filter_map(|line| {
        let (word, _) = line.strip_prefix("| `")?.split_once('`')?;
        Some((word.to_owned(), line.to_owned()))
    });
    rows.collect()
}

#[test]
fn the_guide_names_every_toxic_type() {
    let mut in_guide: Vec<String> = rows().into_iter().map(|(word, _)| word).collect();
    let mut in_table: Vec<String> = TYPES.iter().map(|kind| kind.word.to_owned()).collect();
    in_guide.sort();
    in_table.sort();
    assert_eq!(in_guide, in_table, "docs/guide/proxy.md, and the table in toxic.rs");
}

#[test]
fn the_guide_names_every_attribute_of_every_toxic_type() {
    let rows = rows();
    for kind in TYPES {
        let (_, row) = rows.iter().find(|(word, _)| word == kind.word).unwrap();
        for attribute in kind.attributes {
            assert!(row.contains(&format!("`{}`", attribute.name)), "`{}` is missing in: {row}", attribute.name);
        }
    }
}
