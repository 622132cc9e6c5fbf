import * as monaco from '@theia/monaco-editor-core';

type Configuration = monaco.languages.LanguageConfiguration;

const BRACKETS: [string, string][] = [['{', '}'], ['[', ']'], ['(', ')']];
const PAIRS = BRACKETS.map(([open, close]) => ({ open, close }));

function quoted(...quotes: string[]): monaco.languages.IAutoClosingPairConditional[] {
    return quotes.map(quote => ({ open: quote, close: quote, notIn: ['string', 'comment'] }));
}

function syntax(comments: Configuration['comments'], quotes: string[], more?: Configuration): Configuration {
    const surroundingPairs = [...PAIRS, ...quotes.map(quote => ({ open: quote, close: quote }))];
    return { comments, brackets: BRACKETS, autoClosingPairs: [...PAIRS, ...quoted(...quotes)], surroundingPairs, ...more };
}

/** `*` is repeated on the next line of a `/**` comment. */
const DOC_COMMENT: monaco.languages.OnEnterRule[] = [
    {
        beforeText: /^\s*\/\*\*(?!\/)([^*]|\*(?!\/))*$/,
        afterText: /^\s*\*\/$/,
        action: { indentAction: monaco.languages.IndentAction.IndentOutdent, appendText: ' * ' }
    },
    {
        beforeText: /^\s*\/\*\*(?!\/)([^*]|\*(?!\/))*$/,
        action: { indentAction: monaco.languages.IndentAction.None, appendText: ' * ' }
    },
    {
        beforeText: /^(\t|[ ])*\*([ ]([^*]|\*(?!\/))*)?$/,
        previousLineText: /^\s*(\/\*\*|\*)/,
        action: { indentAction: monaco.languages.IndentAction.None, appendText: '* ' }
    }
];

const SLASHES = { lineComment: '//', blockComment: ['/*', '*/'] as [string, string] };
const TAGS = { blockComment: ['<!--', '-->'] as [string, string] };

/** How the editor helps to type a language, by family: what comments look like, what closes what. */
export const Syntax = {
    /** C and what descends from it. */
    c: syntax(SLASHES, ['"', '\''], { onEnterRules: DOC_COMMENT }),
    script: syntax(SLASHES, ['"', '\'', '`'], { onEnterRules: DOC_COMMENT }),
    /** A `'` opens lifetimes or characters more often than strings. */
    doubleQuoted: syntax(SLASHES, ['"'], { onEnterRules: DOC_COMMENT }),
    css: syntax({ blockComment: ['/*', '*/'] }, ['"', '\''], { wordPattern: /(#?-?\d*\.\d\w*%?)|(::?[\w-]*(?=[^,{;]*[,{]))|(([@#.!])?[\w-?]+%?|[@#!.])/g }),
    sass: syntax(SLASHES, ['"', '\'']),
    hash: syntax({ lineComment: '#' }, ['"', '\'']),
    shell: syntax({ lineComment: '#' }, ['"', '\'', '`']),
    python: syntax({ lineComment: '#', blockComment: ['"""', '"""'] }, ['"', '\''], {
        onEnterRules: [{
            beforeText: /^\s*(?:async\s+)?(?:class|def|elif|else|except|finally|for|if|match|case|try|while|with)\b.*?:\s*(?:#.*)?$/,
            action: { indentAction: monaco.languages.IndentAction.Indent }
        }],
        folding: { offSide: true }
    }),
    yaml: syntax({ lineComment: '#' }, ['"', '\''], { folding: { offSide: true } }),
    ini: syntax({ lineComment: ';' }, ['"', '\'']),
    json: syntax(SLASHES, ['"']),
    ruby: syntax({ lineComment: '#', blockComment: ['=begin', '=end'] }, ['"', '\'', '`'], {
        indentationRules: {
            increaseIndentPattern: /^\s*((begin|class|def|else|elsif|ensure|for|if|module|rescue|unless|until|when|in|while|case)\b[^#]*|.*\bdo\b(\s*\|[^|]*\|)?\s*)$/,
            decreaseIndentPattern: /^\s*(end|rescue|ensure|else|elsif|when|in)\b/
        }
    }),
    elixir: syntax({ lineComment: '#' }, ['"', '\''], {
        indentationRules: {
            increaseIndentPattern: /^\s*((after|else|catch|rescue|fn|[^#]*(do|<-|->|\{|\[|=))\s*)$/,
            decreaseIndentPattern: /^\s*((\}|\])\s*$|(after|else|catch|rescue|end)\b)/
        }
    }),
    dashes: syntax({ lineComment: '--', blockComment: ['/*', '*/'] }, ['"', '\'']),
    lua: syntax({ lineComment: '--', blockComment: ['--[[', ']]'] }, ['"', '\'']),
    haskell: syntax({ lineComment: '--', blockComment: ['{-', '-}'] }, ['"']),
    lisp: syntax({ lineComment: ';;' }, ['"']),
    percent: syntax({ lineComment: '%' }, ['"']),
    ml: syntax({ blockComment: ['(*', '*)'] }, ['"']),
    fsharp: syntax({ lineComment: '//', blockComment: ['(*', '*)'] }, ['"']),
    tags: syntax(TAGS, ['"', '\''], {
        brackets: [['<!--', '-->'], ['<', '>'], ['{', '}'], ['(', ')']],
        onEnterRules: [{
            beforeText: /<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr))([\w:-]+)(?:[^'"/>]|"[^"]*"|'[^']*')*?(?!\/)>[^<]*$/i,
            afterText: /^<\/([\w:-]+)\s*>/i,
            action: { indentAction: monaco.languages.IndentAction.IndentOutdent }
        }]
    }),
    markdown: syntax(TAGS, ['`'], {
        surroundingPairs: [...PAIRS, ...['`', '*', '_', '"', '\''].map(quote => ({ open: quote, close: quote }))],
        folding: { offSide: true, markers: { start: /^\s*<!--\s*#?region\b.*-->/, end: /^\s*<!--\s*#?endregion\b.*-->/ } }
    }),
    powershell: syntax({ lineComment: '#', blockComment: ['<#', '#>'] }, ['"', '\'']),
    bat: syntax({ lineComment: 'REM ' }, ['"']),
    julia: syntax({ lineComment: '#', blockComment: ['#=', '=#'] }, ['"', '`']),
    graphql: syntax({ lineComment: '#' }, ['"']),
    jinja: syntax({ blockComment: ['{#', '#}'] }, ['"', '\'']),
    handlebars: syntax({ blockComment: ['{{!--', '--}}'] }, ['"', '\'']),
    dots: syntax({ lineComment: '..' }, ['"', '`']),
    basic: syntax({ lineComment: '\'' }, ['"']),
    fortran: syntax({ lineComment: '!' }, ['"', '\'']),
    pug: syntax({ lineComment: '//-' }, ['"', '\''], { folding: { offSide: true } }),
    hcl: syntax({ lineComment: '#', blockComment: ['/*', '*/'] }, ['"']),
    plain: syntax(undefined, [])
} satisfies Record<string, Configuration>;
