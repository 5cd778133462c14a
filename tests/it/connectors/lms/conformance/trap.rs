//! Where a redirect points: nobody may come, for a redirected POST arrives as a GET, and the address
//! in it would go to whoever listens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub struct Trap {
    pub address: SocketAddr,
    came: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl Trap {
    pub async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let came = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&came);
        let listening = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            address,
            came,
            listening,
        }
    }

    /// How many connections were made.
    pub fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
