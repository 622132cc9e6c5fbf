/** Our own, because the one in `tm-grammars` is under the GPL. */
export const NGINX_GRAMMAR: object = {
    scopeName: 'source.nginx',
    patterns: [
        { include: '#comment' },
        {
            begin: '([A-Za-z_][\\w]*)(?=[\\s;{]|$)',
            beginCaptures: { 1: { name: 'keyword.other.directive.nginx' } },
            end: '(?=[;{}])|$',
            patterns: [
                { include: '#comment' },
                { match: '\\$(\\w+|\\{\\w+\\})', name: 'variable.other.nginx' },
                { begin: '"', end: '"', name: 'string.quoted.double.nginx', patterns: [{ include: '#inString' }] },
                { begin: '\'', end: '\'', name: 'string.quoted.single.nginx', patterns: [{ include: '#inString' }] },
                { match: '(?<=\\s)(~\\*?|\\^~|=)(?=\\s)', name: 'keyword.operator.nginx' },
                { match: '\\b(on|off)\\b', name: 'constant.language.nginx' },
                { match: '\\b\\d+[kKmMgGsShHdD]?\\b', name: 'constant.numeric.nginx' }
            ]
        }
    ],
    repository: {
        comment: { match: '#.*$', name: 'comment.line.number-sign.nginx' },
        inString: {
            patterns: [
                { match: '\\\\.', name: 'constant.character.escape.nginx' },
                { match: '\\$(\\w+|\\{\\w+\\})', name: 'variable.other.nginx' }
            ]
        }
    }
};
