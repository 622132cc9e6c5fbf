import * as monaco from '@theia/monaco-editor-core';
import { Syntax } from './language-syntax';

/** A language as the editor knows it. Identifiers are those of VS Code, as settings and language servers use them. */
export interface Language {
    readonly id: string;
    readonly name: string;
    /** The TextMate grammar's scope; see `grammars.ts`. */
    readonly scope: string;
    readonly syntax: monaco.languages.LanguageConfiguration;
    readonly extensions?: string;
    readonly filenames?: string;
    readonly patterns?: string[];
    readonly firstLine?: string;
    readonly aliases?: string[];
}

/** The rest of a `#!` line that names one of these interpreters. */
function shebang(...interpreters: string[]): string {
    return `^#!.*\\b(${interpreters.join('|')})\\b`;
}

export const LANGUAGES: readonly Language[] = [
    // General purpose
    { id: 'python', name: 'Python', scope: 'source.python', syntax: Syntax.python, extensions: '.py .pyi .pyw .cpy .gyp .gypi .rpy', filenames: 'SConstruct SConscript Snakefile wscript', firstLine: shebang('python[0-9.-]*', 'pypy3?'), aliases: ['py'] },
    { id: 'javascript', name: 'JavaScript', scope: 'source.js', syntax: Syntax.script, extensions: '.js .mjs .cjs .es6', filenames: 'jakefile', firstLine: shebang('node', 'deno', 'bun'), aliases: ['js'] },
    { id: 'typescript', name: 'TypeScript', scope: 'source.ts', syntax: Syntax.script, extensions: '.ts .mts .cts', firstLine: shebang('ts-node', 'tsx'), aliases: ['ts'] },
    { id: 'javascriptreact', name: 'JavaScript JSX', scope: 'source.js.jsx', syntax: Syntax.script, extensions: '.jsx', aliases: ['jsx'] },
    { id: 'typescriptreact', name: 'TypeScript JSX', scope: 'source.tsx', syntax: Syntax.script, extensions: '.tsx', aliases: ['tsx'] },
    { id: 'c', name: 'C', scope: 'source.c', syntax: Syntax.c, extensions: '.c .i' },
    { id: 'cpp', name: 'C++', scope: 'source.cpp', syntax: Syntax.c, extensions: '.cpp .cppm .cc .ccm .cxx .cxxm .c++ .hpp .hh .hxx .h++ .h .ii .ino .inl .ipp .ixx .tpp .txx .cu .cuh', aliases: ['c++'] },
    { id: 'csharp', name: 'C#', scope: 'source.cs', syntax: Syntax.c, extensions: '.cs .csx .cake', aliases: ['c#'] },
    { id: 'java', name: 'Java', scope: 'source.java', syntax: Syntax.c, extensions: '.java .jav' },
    { id: 'kotlin', name: 'Kotlin', scope: 'source.kotlin', syntax: Syntax.c, extensions: '.kt .kts .ktm' },
    { id: 'scala', name: 'Scala', scope: 'source.scala', syntax: Syntax.c, extensions: '.scala .sc .sbt' },
    { id: 'groovy', name: 'Groovy', scope: 'source.groovy', syntax: Syntax.c, extensions: '.groovy .gvy .gradle .jenkinsfile', filenames: 'Jenkinsfile', firstLine: shebang('groovy') },
    { id: 'go', name: 'Go', scope: 'source.go', syntax: Syntax.script, extensions: '.go' },
    { id: 'rust', name: 'Rust', scope: 'source.rust', syntax: Syntax.doubleQuoted, extensions: '.rs' },
    { id: 'swift', name: 'Swift', scope: 'source.swift', syntax: Syntax.doubleQuoted, extensions: '.swift' },
    { id: 'dart', name: 'Dart', scope: 'source.dart', syntax: Syntax.c, extensions: '.dart' },
    { id: 'objective-c', name: 'Objective-C', scope: 'source.objc', syntax: Syntax.c, extensions: '.m .mm' },
    { id: 'zig', name: 'Zig', scope: 'source.zig', syntax: Syntax.doubleQuoted, extensions: '.zig .zon' },
    { id: 'php', name: 'PHP', scope: 'text.html.php', syntax: Syntax.script, extensions: '.php .php4 .php5 .phtml .ctp', firstLine: shebang('php') + '|^<\\?php' },
    { id: 'ruby', name: 'Ruby', scope: 'source.ruby', syntax: Syntax.ruby, extensions: '.rb .rbx .rjs .gemspec .rake .ru .erb .podspec .rbi', filenames: 'Gemfile Rakefile Guardfile Podfile Capfile Cheffile Vagrantfile Berksfile Brewfile Fastfile Appfile', firstLine: shebang('ruby') },
    { id: 'crystal', name: 'Crystal', scope: 'source.crystal', syntax: Syntax.ruby, extensions: '.cr', firstLine: shebang('crystal') },
    { id: 'perl', name: 'Perl', scope: 'source.perl', syntax: Syntax.hash, extensions: '.pl .pm .pod .t .psgi', firstLine: shebang('perl') },
    { id: 'lua', name: 'Lua', scope: 'source.lua', syntax: Syntax.lua, extensions: '.lua .rockspec', firstLine: shebang('lua', 'luajit') },
    { id: 'r', name: 'R', scope: 'source.r', syntax: Syntax.hash, extensions: '.r .rhistory .rprofile .rt', filenames: '.Rprofile', firstLine: shebang('Rscript') },
    { id: 'julia', name: 'Julia', scope: 'source.julia', syntax: Syntax.julia, extensions: '.jl', firstLine: shebang('julia') },
    { id: 'haskell', name: 'Haskell', scope: 'source.haskell', syntax: Syntax.haskell, extensions: '.hs .hs-boot .hsc' },
    { id: 'ocaml', name: 'OCaml', scope: 'source.ocaml', syntax: Syntax.ml, extensions: '.ml .mli' },
    { id: 'fsharp', name: 'F#', scope: 'source.fsharp', syntax: Syntax.fsharp, extensions: '.fs .fsi .fsx .fsscript', aliases: ['f#'] },
    { id: 'elixir', name: 'Elixir', scope: 'source.elixir', syntax: Syntax.elixir, extensions: '.ex .exs .eex .leex .heex', filenames: 'mix.lock', firstLine: shebang('elixir') },
    { id: 'erlang', name: 'Erlang', scope: 'source.erlang', syntax: Syntax.percent, extensions: '.erl .hrl .app.src .escript', filenames: 'rebar.config rebar.lock', firstLine: shebang('escript') },
    { id: 'clojure', name: 'Clojure', scope: 'source.clojure', syntax: Syntax.lisp, extensions: '.clj .cljs .cljc .cljx .clojure .edn', firstLine: shebang('bb', 'clojure') },
    { id: 'nim', name: 'Nim', scope: 'source.nim', syntax: Syntax.python, extensions: '.nim .nims .nimble' },
    { id: 'vb', name: 'Visual Basic', scope: 'source.asp.vb.net', syntax: Syntax.basic, extensions: '.vb .bas .vbs .brs' },
    { id: 'solidity', name: 'Solidity', scope: 'source.solidity', syntax: Syntax.c, extensions: '.sol' },
    { id: 'fortran', name: 'Fortran', scope: 'source.fortran.free', syntax: Syntax.fortran, extensions: '.f90 .f95 .f03 .f08 .f18' },
    { id: 'matlab', name: 'MATLAB', scope: 'source.matlab', syntax: Syntax.percent, extensions: '.mlx' },
    { id: 'verilog', name: 'Verilog', scope: 'source.verilog', syntax: Syntax.c, extensions: '.v .vh .sv .svh' },
    { id: 'vhdl', name: 'VHDL', scope: 'source.vhdl', syntax: Syntax.dashes, extensions: '.vhd .vhdl' },
    { id: 'glsl', name: 'GLSL', scope: 'source.glsl', syntax: Syntax.c, extensions: '.glsl .vert .frag .geom .comp .tesc .tese' },
    { id: 'wgsl', name: 'WGSL', scope: 'source.wgsl', syntax: Syntax.c, extensions: '.wgsl' },
    { id: 'nix', name: 'Nix', scope: 'source.nix', syntax: Syntax.hcl, extensions: '.nix' },

    // Web
    { id: 'html', name: 'HTML', scope: 'text.html.basic', syntax: Syntax.tags, extensions: '.html .htm .shtml .xhtml .xht .mdoc .jsp .asp .aspx .jshtm', firstLine: '^\\s*<!DOCTYPE\\s+html' },
    { id: 'css', name: 'CSS', scope: 'source.css', syntax: Syntax.css, extensions: '.css' },
    { id: 'scss', name: 'SCSS', scope: 'source.css.scss', syntax: Syntax.sass, extensions: '.scss' },
    { id: 'sass', name: 'Sass', scope: 'source.sass', syntax: Syntax.sass, extensions: '.sass' },
    { id: 'less', name: 'Less', scope: 'source.css.less', syntax: Syntax.sass, extensions: '.less' },
    { id: 'stylus', name: 'Stylus', scope: 'source.stylus', syntax: Syntax.sass, extensions: '.styl' },
    { id: 'vue', name: 'Vue', scope: 'text.html.vue', syntax: Syntax.tags, extensions: '.vue' },
    { id: 'svelte', name: 'Svelte', scope: 'source.svelte', syntax: Syntax.tags, extensions: '.svelte' },
    { id: 'astro', name: 'Astro', scope: 'source.astro', syntax: Syntax.tags, extensions: '.astro' },
    { id: 'handlebars', name: 'Handlebars', scope: 'text.html.handlebars', syntax: Syntax.handlebars, extensions: '.handlebars .hbs .hjs' },
    { id: 'jinja', name: 'Jinja', scope: 'source.jinja', syntax: Syntax.jinja, extensions: '.jinja .jinja2 .j2' },
    { id: 'jade', name: 'Pug', scope: 'text.pug', syntax: Syntax.pug, extensions: '.pug .jade', aliases: ['pug'] },
    { id: 'coffeescript', name: 'CoffeeScript', scope: 'source.coffee', syntax: Syntax.hash, extensions: '.coffee .cson .iced' },
    { id: 'graphql', name: 'GraphQL', scope: 'source.graphql', syntax: Syntax.graphql, extensions: '.graphql .gql .graphqls' },
    { id: 'http', name: 'HTTP', scope: 'source.http', syntax: Syntax.hash, extensions: '.http .rest' },

    // Data and configuration
    { id: 'json', name: 'JSON', scope: 'source.json', syntax: Syntax.json, extensions: '.json .bowerrc .webmanifest .js.map .css.map .ts.map .har .geojson .ipynb .gltf .topojson', filenames: 'composer.lock .watchmanconfig .all-contributorsrc' },
    { id: 'jsonc', name: 'JSON with Comments', scope: 'source.json.comments', syntax: Syntax.json, extensions: '.jsonc .code-workspace .theia-workspace .eslintrc .jshintrc .swcrc .hintrc .babelrc', filenames: 'settings.json keymaps.json launch.json tasks.json tsconfig.json jsconfig.json devcontainer.json .eslintrc.json babel.config.json', patterns: ['tsconfig.*.json', 'tsconfig-*.json'] },
    { id: 'json5', name: 'JSON5', scope: 'source.json5', syntax: Syntax.json, extensions: '.json5' },
    { id: 'jsonl', name: 'JSON Lines', scope: 'source.json.lines', syntax: Syntax.json, extensions: '.jsonl .ndjson' },
    { id: 'yaml', name: 'YAML', scope: 'source.yaml', syntax: Syntax.yaml, extensions: '.yaml .yml .eyaml .cff .clang-format .clang-tidy', filenames: '.clangd .prettierrc .yarnrc pixi.lock', firstLine: '^#cloud-config|^%YAML' },
    { id: 'toml', name: 'TOML', scope: 'source.toml', syntax: Syntax.hash, extensions: '.toml', filenames: 'Cargo.lock Pipfile poetry.lock uv.lock pdm.lock' },
    { id: 'ini', name: 'Ini', scope: 'source.ini', syntax: Syntax.ini, extensions: '.ini .inf .reg .desktop', filenames: '.npmrc .hgrc .pylintrc .coveragerc .flake8 pylintrc' },
    { id: 'properties', name: 'Properties', scope: 'source.ini', syntax: Syntax.hash, extensions: '.conf .properties .cfg .directory .gitattributes .gitconfig .gitmodules .editorconfig .repo', filenames: '.gitattributes .gitconfig .gitmodules .editorconfig config gitconfig' },
    { id: 'dotenv', name: 'Environment Variables', scope: 'source.dotenv', syntax: Syntax.hash, extensions: '.env', filenames: '.env', patterns: ['.env.*'] },
    { id: 'xml', name: 'XML', scope: 'text.xml', syntax: Syntax.tags, extensions: '.xml .xsd .xsl .xslt .dtd .svg .rss .atom .opml .pom .wsdl .xaml .axaml .csproj .vbproj .fsproj .vcxproj .props .targets .resx .nuspec .config .plist .storyboard .xib .ui .qrc .iml .kml .gpx .xlf .wxs', firstLine: '^\\s*<\\?xml|<svg' },
    { id: 'csv', name: 'CSV', scope: 'text.csv', syntax: Syntax.plain, extensions: '.csv .tsv' },
    { id: 'sql', name: 'SQL', scope: 'source.sql', syntax: Syntax.dashes, extensions: '.sql .dsql .ddl .dml' },
    { id: 'prisma', name: 'Prisma', scope: 'source.prisma', syntax: Syntax.c, extensions: '.prisma' },
    { id: 'proto3', name: 'Protocol Buffers', scope: 'source.proto', syntax: Syntax.c, extensions: '.proto', aliases: ['protobuf', 'proto'] },
    { id: 'terraform', name: 'Terraform', scope: 'source.hcl.terraform', syntax: Syntax.hcl, extensions: '.tf .tfvars .tofu' },
    { id: 'hcl', name: 'HCL', scope: 'source.hcl', syntax: Syntax.hcl, extensions: '.hcl .nomad', filenames: '.terraform.lock.hcl' },
    { id: 'nginx', name: 'Nginx', scope: 'source.nginx', syntax: Syntax.hash, extensions: '.nginx .nginxconf', filenames: 'nginx.conf mime.types fastcgi_params fastcgi.conf', patterns: ['**/nginx/**/*.conf', '**/sites-available/*', '**/sites-enabled/*'] },
    { id: 'apacheconf', name: 'Apache', scope: 'source.apacheconf', syntax: Syntax.hash, extensions: '.htaccess .htgroups .htpasswd', filenames: 'httpd.conf apache2.conf' },
    { id: 'systemd', name: 'systemd', scope: 'source.systemd', syntax: Syntax.hash, extensions: '.service .socket .timer .mount .target .network .netdev .link .slice' },
    { id: 'ssh_config', name: 'SSH Config', scope: 'source.ssh-config', syntax: Syntax.hash, filenames: 'ssh_config sshd_config', patterns: ['**/.ssh/config'] },
    { id: 'ignore', name: 'Ignore', scope: 'source.ini', syntax: Syntax.hash, extensions: '.gitignore .npmignore .dockerignore', filenames: '.gitignore .npmignore .dockerignore .hgignore .prettierignore .eslintignore .git-blame-ignore-revs' },

    // Shells and builds
    { id: 'shellscript', name: 'Shell Script', scope: 'source.shell', syntax: Syntax.shell, extensions: '.sh .bash .bashrc .bash_aliases .bash_profile .bash_login .ebuild .profile .bash_logout .xprofile .xsession .xsessionrc .zsh .zshrc .zprofile .zlogin .zlogout .zshenv .ksh .csh .cshrc .tcshrc .command .bats .PKGBUILD', filenames: 'APKBUILD PKGBUILD .envrc .hushlogin zshrc zshenv zlogin zprofile bashrc profile', firstLine: shebang('bash', 'sh', 'zsh', 'ksh', 'dash', 'ash', 'tcsh', 'csh', 'bats') + '|^#\\s*-\\*-[^*]*mode:\\s*shell-script[^*]*-\\*-', aliases: ['bash', 'sh', 'zsh'] },
    { id: 'fish', name: 'Fish', scope: 'source.fish', syntax: Syntax.hash, extensions: '.fish', firstLine: shebang('fish') },
    { id: 'powershell', name: 'PowerShell', scope: 'source.powershell', syntax: Syntax.powershell, extensions: '.ps1 .psm1 .psd1 .pssc .psrc', firstLine: shebang('pwsh'), aliases: ['ps1'] },
    { id: 'bat', name: 'Batch', scope: 'source.batchfile', syntax: Syntax.bat, extensions: '.bat .cmd' },
    { id: 'awk', name: 'AWK', scope: 'source.awk', syntax: Syntax.hash, extensions: '.awk', firstLine: shebang('awk', 'gawk', 'mawk') },
    { id: 'dockerfile', name: 'Dockerfile', scope: 'source.dockerfile', syntax: Syntax.hash, extensions: '.dockerfile .containerfile', filenames: 'Dockerfile Containerfile', patterns: ['Dockerfile.*', 'Containerfile.*'], aliases: ['docker'] },
    { id: 'makefile', name: 'Makefile', scope: 'source.makefile', syntax: Syntax.hash, extensions: '.mak .mk', filenames: 'Makefile makefile GNUmakefile OCamlMakefile', firstLine: shebang('make') },
    { id: 'cmake', name: 'CMake', scope: 'source.cmake', syntax: Syntax.hash, extensions: '.cmake', filenames: 'CMakeLists.txt' },

    // Text
    { id: 'markdown', name: 'Markdown', scope: 'text.html.markdown', syntax: Syntax.markdown, extensions: '.md .mkd .mdwn .mdown .markdown .markdn .mdtxt .mdtext .workbook', aliases: ['md'] },
    { id: 'restructuredtext', name: 'reStructuredText', scope: 'source.rst', syntax: Syntax.dots, extensions: '.rst', aliases: ['rst'] },
    { id: 'latex', name: 'LaTeX', scope: 'text.tex.latex', syntax: Syntax.percent, extensions: '.tex .ltx .ctx' },
    { id: 'tex', name: 'TeX', scope: 'text.tex', syntax: Syntax.percent, extensions: '.sty .cls .bbx .cbx' },
    { id: 'bibtex', name: 'BibTeX', scope: 'text.bibtex', syntax: Syntax.percent, extensions: '.bib' },
    { id: 'log', name: 'Log', scope: 'text.log', syntax: Syntax.plain, extensions: '.log', patterns: ['*.log.?'] },
    { id: 'diff', name: 'Diff', scope: 'source.diff', syntax: Syntax.plain, extensions: '.diff .patch .rej' },
    { id: 'git-commit', name: 'Git Commit Message', scope: 'text.git-commit', syntax: Syntax.hash, filenames: 'COMMIT_EDITMSG MERGE_MSG' },
    { id: 'git-rebase', name: 'Git Rebase Message', scope: 'text.git-rebase', syntax: Syntax.hash, filenames: 'git-rebase-todo' },
    { id: 'plaintext', name: 'Plain Text', scope: '', syntax: Syntax.plain, extensions: '.txt', aliases: ['text'] }
];
