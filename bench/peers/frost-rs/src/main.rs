//! CPU time of the Zcash Foundation's frost-ed25519, measured the way bench/signing.ts measures ours.
//! Arguments: t n rounds. Prints one JSON object, microseconds of CPU per operation.
use std::collections::BTreeMap;

use frost_ed25519 as frost;
use frost::round1::SigningCommitments;
use rand_core::OsRng;

fn cpu_us() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec for the call to fill.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    assert_eq!(status, 0, "no process clock");
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

#[derive(Default)]
struct Spent {
    commit: f64,
    wire: f64,
    sign: f64,
    aggregate: f64,
}

/// One signature by the first t members, each phase timed over all of them.
fn round(keys: &BTreeMap<frost::Identifier, frost::keys::KeyPackage>, public: &frost::keys::PublicKeyPackage, t: usize, message: &[u8], spent: &mut Spent) {
    let start = cpu_us();
    let mut nonces = BTreeMap::new();
    let mut commitments = BTreeMap::new();
    for (id, key) in keys.iter().take(t) {
        let (nonce, commitment) = frost::round1::commit(key.signing_share(), &mut OsRng);
        nonces.insert(*id, nonce);
        commitments.insert(*id, commitment);
    }
    let committed = cpu_us();

    // What a network adds: each signer encodes its commitments, and decodes, and so validates, the others'; the coordinator all.
    let encoded: Vec<Vec<u8>> = commitments.values().map(|c| c.serialize().expect("encode")).collect();
    for receiver in 0..=t {
        for (sender, bytes) in encoded.iter().enumerate() {
            if sender != receiver {
                std::hint::black_box(SigningCommitments::deserialize(bytes).expect("decode"));
            }
        }
    }
    let carried = cpu_us();

    let package = frost::SigningPackage::new(commitments, message);
    let shares: BTreeMap<_, _> = nonces
        .iter()
        .map(|(id, nonce)| (*id, frost::round2::sign(&package, nonce, &keys[id]).expect("sign")))
        .collect();
    let signed = cpu_us();
    // Verifies the signature before it returns it, as ours does.
    let signature = frost::aggregate(&package, &shares, public).expect("aggregate");
    let done = cpu_us();
    std::hint::black_box(signature);

    spent.commit += committed - start;
    spent.wire += carried - committed;
    spent.sign += signed - carried;
    spent.aggregate += done - signed;
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().expect("a number")).collect();
    let [t, n, rounds] = numbers[..] else { panic!("usage: frost-rs-peer t n rounds") };
    let (shares, public) = frost::keys::generate_with_dealer(n as u16, t as u16, frost::keys::IdentifierList::Default, OsRng).expect("deal");
    let keys: BTreeMap<_, _> = shares
        .into_iter()
        .map(|(id, share)| (id, frost::keys::KeyPackage::try_from(share).expect("key package")))
        .collect();
    let message = [7u8; 600];
    for _ in 0..rounds / 5 + 1 {
        round(&keys, &public, t, &message, &mut Spent::default());
    }
    let mut sum = Spent::default();
    for _ in 0..rounds {
        round(&keys, &public, t, &message, &mut sum);
    }
    let per = |total: f64, times: usize| total / times as f64;
    println!(
        "{{\"commit\":{:.2},\"sign\":{:.2},\"aggregate\":{:.2},\"wire\":{:.2},\"signature\":{:.2}}}",
        per(sum.commit, rounds * t),
        per(sum.sign, rounds * t),
        per(sum.aggregate, rounds),
        per(sum.wire, rounds),
        per(sum.commit + sum.sign + sum.aggregate, rounds)
    );
}
