//! Whatever happens in whatever order: book, disk and kernel agree.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Attach { name: u8, inode: u8, wants: Option<u8> },
    Detach { name: u8 },
    Refuse(bool),
    Restart { boot: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5u8, 1..3u8, prop::option::weighted(0.3, 2..9u8))
            .prop_map(|(name, inode, wants)| Step::Attach { name, inode, wants }),
        3 => (0..5u8).prop_map(|name| Step::Detach { name }),
        1 => any::<bool>().prop_map(Step::Refuse),
        1 => (0..2u8).prop_map(|boot| Step::Restart { boot }),
    ]
}

/// What must be true whatever happened.
fn consistent(node: &Node) {
    let book = node.attachments.book();
    let records: Vec<&Record> = book.records().collect();
    let addresses: BTreeSet<String> = records.iter().map(|r| r.addresses.to_string()).collect();
    assert_eq!(addresses.len(), records.len(), "an address is held twice");
    let wanted = records.iter().map(|r| (r.public_key, r.addresses));
    assert_eq!(node.peers(), wanted.collect(), "kernel and book differ");
    let stored = node.disk.load().records.into_keys();
    let stored: BTreeSet<String> = stored
        .filter(|name| name.table() == record::ATTACHMENTS)
        .map(|name| name.name().to_owned())
        .collect();
    assert_eq!(stored, records.iter().map(|r| r.key.to_string()).collect(), "disk and book differ");
}

async fn run(steps: Vec<Step>) {
    let mut node = Node::new().await;
    for (n, step) in steps.into_iter().enumerate() {
        match step {
            Step::Attach { name, inode, wants } => {
                let n = u8::try_from(n).unwrap() + 1;
                let mut attach = request(&format!("c{name}"), inode.into(), n);
                attach.requested = wants.map(|host| one(&format!("10.64.1.{host}")));
                let _ = node.attach(&attach).await;
            }
            Step::Detach { name } => node.detach(&key(&format!("c{name}"))).await,
            Step::Refuse(refuse) => node.refuse(refuse),
            Step::Restart { boot } => {
                node.refuse(false);
                node = node.restart(&format!("boot-{boot}")).await;
            }
        }
        if !node.kernel.0.lock().unwrap().refuse {
            let sequence = node.reconciler.remove_peer(request("none", 1, 255).public_key);
            let within = Duration::from_secs(30);
            while node.reconciler.applied(sequence, within).await.is_err() {}
            consistent(&node);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn book_disk_and_kernel_agree_whatever_happens(
        steps in prop::collection::vec(step(), 1..25)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
