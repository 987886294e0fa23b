fn main(){ for f in std::env::args().skip(1) { let l = vigie::look::Look{file: f.into(), json: std::env::var("J").is_ok()}; if let Err(e)=l.run(){println!("error: {e}")} println!("--"); } }
