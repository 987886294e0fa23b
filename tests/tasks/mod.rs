//! Tasks of whole processes: every one that was taken is done, whatever is killed in between.

pub mod caller;
mod cluster;
mod kills;
mod run;

use std::path::Path;

use vigie::sources::synthetic::View;

/// A job that takes tasks, makes them grey and keeps their reports; `more` lines for its source.
fn job(folder: &Path, more: &str) -> String {
    let file = folder.join("grey.toml");
    let text = format!(
        "name = 'grey'\n[source.tasks]\nkind = 'http'\n{more}\n[batch]\ntimeout = '10ms'\n[step.grey]\nkind = 'grey'\n\
         [sink.out]\nkind = 'files'\npath = 'out/{{camera}}/{{id}}.json'\n[dead]\nkind = 'files'\npath = 'dead/{{id}}-{{reason}}'\n"
    );
    std::fs::write(
        &file,
        text.replace("'out/", &format!("'{}/out/", folder.display()))
            .replace("'dead/", &format!("'{}/dead/", folder.display())),
    )
    .expect("a job");
    file.display().to_string()
}

/// A small picture, another one for each number.
fn picture(number: u64) -> Vec<u8> {
    View::new(7, 0, (160, 120), Some("room")).frame(number).0.to_vec()
}
