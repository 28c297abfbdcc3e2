//! The README's service is one that compiles: `examples/hello.rs`.

#[test]
fn the_hello_world_of_the_readme_is_the_example_that_compiles() {
    let readme = include_str!("../../../../README.md");
    let example = include_str!("../../examples/hello.rs");
    let (_, code) = example.split_once("\n\n").unwrap();
    assert!(readme.contains(code), "README.md must show the code of examples/hello.rs:\n{code}");
    assert!(code.lines().count() <= 10, "a hello-world has at most ten lines");
}
