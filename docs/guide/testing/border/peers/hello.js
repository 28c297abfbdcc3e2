// Hello world of Express.
const express = require("express");

const app = express();
app.get("/hello", (_request, response) => response.send("hello"));
app.listen(process.env.PORT, "127.0.0.1");
