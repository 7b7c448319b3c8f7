// Goes wrong in the way that its argument names.
fn take(cells: &[u8], at: usize) -> u8 {
    cells[at]
}

fn unwrap_nothing(text: &str) -> i32 {
    text.parse::<i32>().unwrap()
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("index") => println!("{}", take(&[1, 2, 3], std::env::args().count() + 7)),
        Some("unwrap") => println!("{}", unwrap_nothing("seven")),
        _ => println!("done"),
    }
}
