//! The contract, kept by each kind of store.

use std::sync::Arc;

use bursar::connectors::stores::folder::Folder;

use super::suite;

#[tokio::test]
async fn a_folder_keeps_the_contract_of_stores() {
    let root = tempfile::tempdir().unwrap();
    let store = Folder::open(root.path()).unwrap();
    suite::keeps_the_contract(Arc::new(store)).await;
}
