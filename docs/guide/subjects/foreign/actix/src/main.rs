//! Notes in a file: actix-web with its logger.

use std::io::Write;
use std::sync::Mutex;

use actix_web::middleware::Logger;
use actix_web::{App, HttpResponse, HttpServer, get, post, web};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Clone)]
struct Note {
    id: usize,
    text: String,
}

#[derive(Deserialize)]
struct NewNote {
    text: String,
}

struct Notes {
    list: Mutex<Vec<Note>>,
    file: Mutex<std::fs::File>,
}

#[post("/notes")]
async fn create(notes: web::Data<Notes>, new: web::Json<NewNote>) -> std::io::Result<HttpResponse> {
    let mut list = notes.list.lock().unwrap();
    let note = Note { id: list.len() + 1, text: new.into_inner().text };
    let mut file = notes.file.lock().unwrap();
    writeln!(file, "{}", serde_json::to_string(&note)?)?;
    file.sync_data()?;
    list.push(note.clone());
    Ok(HttpResponse::Created().json(note))
}

#[get("/notes/{id}")]
async fn read(notes: web::Data<Notes>, id: web::Path<usize>) -> HttpResponse {
    match notes.list.lock().unwrap().iter().find(|note| note.id == *id) {
        Some(note) => HttpResponse::Ok().json(note),
        None => HttpResponse::NotFound().finish(),
    }
}

#[get("/healthz")]
async fn health() -> &'static str {
    "ok"
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    env_logger::init_from_env(env_logger::Env::default().default_filter_or("info"));
    let path = std::env::var("NOTES").unwrap_or("notes.jsonl".into());
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    let list = old.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
    let notes = web::Data::new(Notes { list: Mutex::new(list), file: Mutex::new(file) });
    HttpServer::new(move || App::new().app_data(notes.clone()).wrap(Logger::default()).service(create).service(read).service(health))
        .bind(("127.0.0.1", 19704))?
        .run()
        .await
}
