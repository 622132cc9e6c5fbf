import { SerializableHierarchy, SerializableHierarchyBranch } from '@theia/ai-chat/lib/common/chat-model-serialization';

/** A request in the tree of a chat's requests. */
export interface PlacedRequest {
    readonly id: string;
    /** The branch it is in, with its alternatives. */
    readonly branch: string;
    /** The request that it follows; none for one that begins the chat. */
    readonly follows: string | undefined;
}

/** The requests of a tree, each behind the one it follows, and alternatives in their order. */
export function fromBranches({ rootBranchId, branches }: SerializableHierarchy): PlacedRequest[] {
    const placed: PlacedRequest[] = [];
    // Not by recursion: a chat may be thousands of requests long.
    const todo: { readonly branch: string, readonly index: number, readonly follows: string | undefined }[] = [
        { branch: rootBranchId, index: 0, follows: undefined }
    ];
    for (let next = todo.pop(); next; next = todo.pop()) {
        const { branch, index, follows } = next;
        const item = branches[branch]?.items[index];
        if (item) {
            placed.push({ id: item.requestId, branch, follows });
            todo.push({ branch, index: index + 1, follows });
            if (item.nextBranchId !== undefined) {
                todo.push({ branch: item.nextBranchId, index: 0, follows: item.requestId });
            }
        }
    }
    return placed;
}

/**
 * Requests by what they follow. Those that follow the same one are alternatives, whoever added them: so what two windows
 * added to one chat is all there, beside each other.
 */
export class Branches {

    protected readonly byFollowed = new Map<string | undefined, { id: string | undefined, readonly requests: string[] }>();

    /** @param branch the id of its branch, where it had one. */
    add(request: string, follows: string | undefined, branch: string | undefined): void {
        const found = this.byFollowed.get(follows);
        if (found) {
            found.id ??= branch;
            found.requests.push(request);
        } else {
            this.byFollowed.set(follows, { id: branch, requests: [request] });
        }
    }

    /** The branch behind a request; of `undefined`, the one that the chat begins with. */
    behind(request: string | undefined): { readonly id: string, readonly requests: readonly string[] } | undefined {
        const found = this.byFollowed.get(request);
        return found && { id: found.id ?? (request === undefined ? 'root' : `behind ${request}`), requests: found.requests };
    }

    [Symbol.iterator](): Iterator<string | undefined> {
        return this.byFollowed.keys();
    }
}

/** @param shown requests that are shown though there are newer alternatives. */
export function toBranches(branches: Branches, rootBranch: string | undefined, shown: ReadonlySet<string>): SerializableHierarchy {
    const rootBranchId = rootBranch ?? branches.behind(undefined)?.id ?? 'root';
    const result: Record<string, SerializableHierarchyBranch> = {
        [rootBranchId]: { id: rootBranchId, items: [], activeBranchIndex: -1 }
    };
    for (const follows of branches) {
        const { id: own, requests } = branches.behind(follows)!;
        const id = follows === undefined ? rootBranchId : own;
        const chosen = requests.findLastIndex(request => shown.has(request));
        result[id] = {
            id,
            items: requests.map(requestId => ({ requestId, nextBranchId: branches.behind(requestId)?.id })),
            activeBranchIndex: chosen < 0 ? requests.length - 1 : chosen
        };
    }
    return { rootBranchId, branches: result };
}
