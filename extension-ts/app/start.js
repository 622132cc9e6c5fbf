// Where the application starts: not within the script's outermost function. Theia logs while it loads its modules, and
// where the developer tools are open, or a test drives the browser, V8 notes with every message where each function on
// the stack is in the source. Functions are compiled without these positions, which are found by parsing them again when
// they are asked for (Compiler::CollectSourcePositions in V8): for the outermost function that is the whole script, twice,
// and took half a second.
queueMicrotask(() => require('./src-gen/frontend/index.js'));
