import { CancellationToken } from '@theia/core/lib/common/cancellation';
import { inject, injectable } from '@theia/core/shared/inversify';
import { FileSearchService } from '@theia/file-search/lib/common/file-search-service';
import { BridgeConnection } from '../connection/bridge-connection';
import { toPath, toUri } from '../files/file-paths';
import { toGlobs } from './search-globs';

/** More than this the server does not list. */
const MAX_FILES = 10_000;

/** Finds files by name, for Ctrl+P: the server filters and ranks. */
@injectable()
export class BridgeFileSearchService implements FileSearchService {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    async find(searchPattern: string, options: FileSearchService.Options, token?: CancellationToken): Promise<string[]> {
        const limit = Math.max(1, Math.min(options.limit ?? MAX_FILES, MAX_FILES));
        const roots = { ...Object.fromEntries((options.rootUris ?? []).map(uri => [uri, {}])), ...options.rootOptions };
        const found = await Promise.all(Object.entries<FileSearchService.BaseOptions>(roots).map(([uri, own]) => {
            const root = toPath(uri);
            return this.connection.request('search.files', {
                pattern: searchPattern,
                roots: [root],
                limit,
                includes: toGlobs([...own.includePatterns ?? [], ...options.includePatterns ?? []], [root]),
                excludes: toGlobs([...own.excludePatterns ?? [], ...options.excludePatterns ?? []], [root]),
                useGitIgnore: own.useGitIgnore ?? options.useGitIgnore ?? true,
                fuzzy: options.fuzzyMatch ?? true
            });
        }));
        return token?.isCancellationRequested ? [] : found.flatMap(({ paths }) => paths).slice(0, limit).map(path => toUri(path).toString());
    }
}
