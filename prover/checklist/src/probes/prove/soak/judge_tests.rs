//! The clauses of `prove.soak`.

use super::*;

#[test]
fn each_resource_has_its_clause() {
    let clauses = Kind::ALL.map(clause_of);
    assert_eq!(
        clauses,
        [clause::MEMORY, clause::DESCRIPTORS, clause::MEMORY, clause::DISK, clause::DISK],
        "memory, descriptors, threads, bytes and files"
    );
}
