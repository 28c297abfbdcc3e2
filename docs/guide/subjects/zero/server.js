// An HTTP server as the documentation of Node writes it, which logs each request.
const http = require("node:http");
const report = "a line of the report, the same for everybody\n".repeat(40000);
http.createServer((request, response) => {
  console.log(`${new Date().toISOString()} ${request.method} ${request.url}`);
  if (request.url === "/") return response.end('<a href="/report">report</a>');
  if (request.url !== "/report") return response.writeHead(404).end();
  response.setHeader("Content-Length", Buffer.byteLength(report));
  response.end(report);
}).listen(Number(process.argv[2]), "127.0.0.1");
