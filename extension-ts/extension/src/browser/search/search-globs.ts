import { fromName } from '../files/file-paths';

/** What has a meaning in a glob, and means itself behind a backslash. */
const SPECIAL = /[\\*?[\]{}!#]/g;

/**
 * The server's globs, as in .gitignore and relative to each root, for what Theia's Search view and settings hold: a
 * glob at any depth, one relative to the roots (`./src`), or an absolute path, of a folder to be searched (`/**` behind
 * it) or of an open editor. Theia escapes nothing in paths, so that a path may also be a glob: both are given.
 */
export function toGlobs(globs: readonly string[] | undefined, roots: readonly string[]): string[] {
    return (globs ?? []).map(glob => glob.trim()).filter(glob => glob).flatMap(glob => {
        if (glob.startsWith('./')) {
            return [glob.slice(1)];
        }
        if (!glob.startsWith('/')) {
            return [glob.includes('/') && !glob.startsWith('**/') ? `**/${glob}` : glob];
        }
        const root = roots.find(path => glob === path || glob.startsWith(`${path}/`));
        if (root === undefined) {
            return [`**${glob}`];
        }
        const relative = glob.slice(root.length) || '/**';
        const literal = fromName(relative.replace(/\/\*\*$/, '')).replace(SPECIAL, '\\$&');
        return literal ? [relative, literal] : [relative];
    });
}
