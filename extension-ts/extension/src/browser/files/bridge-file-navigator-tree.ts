import { CompositeTreeNode, TreeNode } from '@theia/core/lib/browser/tree/tree';
import { CancellationToken } from '@theia/core/lib/common/cancellation';
import { Container, inject, injectable, interfaces } from '@theia/core/shared/inversify';
import { DirNode, FileStatNode } from '@theia/filesystem/lib/browser/file-tree/file-tree';
import { FileStat, FileSystemProviderError, FileSystemProviderErrorCode } from '@theia/filesystem/lib/common/files';
import { createFileNavigatorContainer } from '@theia/navigator/lib/browser/navigator-container';
import { FileNavigatorTree } from '@theia/navigator/lib/browser/navigator-tree';
import { FileNavigatorWidget } from '@theia/navigator/lib/browser/navigator-widget';
import { BridgeFileSystemServer } from './bridge-file-system-server';

/** Compares as `localeCompare` does, several times as fast. */
const { compare } = new Intl.Collator();

/** The explorer's tree, for folders of any size: the first names are shown while the others are on their way. */
@injectable()
export class BridgeFileNavigatorTree extends FileNavigatorTree {

    static createWidget(parent: interfaces.Container): FileNavigatorWidget {
        const container: Container = createFileNavigatorContainer(parent);
        container.rebind(FileNavigatorTree).to(BridgeFileNavigatorTree).inSingletonScope();
        return container.get(FileNavigatorWidget);
    }

    @inject(BridgeFileSystemServer)
    protected readonly files: BridgeFileSystemServer;

    /** The listings under way, by the node's id. A newer one of a folder takes the place of an older. */
    protected readonly listings = new Map<string, AsyncGenerator<FileStat[]>>();

    protected readonly refreshes = new Map<CompositeTreeNode, { readonly done: Promise<unknown>, again?: Promise<CompositeTreeNode | undefined> }>();

    /** Of many at a time, as while a folder is filled, two come about: the one under way, and one after all changes. */
    override refresh(parent?: CompositeTreeNode, token?: CancellationToken): Promise<CompositeTreeNode | undefined> {
        if (!parent) {
            return super.refresh(parent, token);
        }
        const present = this.refreshes.get(parent);
        if (present) {
            return present.again ??= present.done.then(() => this.refresh(parent, token));
        }
        const refreshed = super.refresh(parent, token);
        const done = refreshed.catch(() => undefined).then(() => this.refreshes.delete(parent));
        this.refreshes.set(parent, { done });
        return refreshed;
    }

    override async resolveChildren(parent: CompositeTreeNode): Promise<TreeNode[]> {
        if (!DirNode.is(parent) || parent.uri.scheme !== 'file') {
            return super.resolveChildren(parent);
        }
        const listing = this.files.list(parent.uri);
        this.listings.set(parent.id, listing);
        try {
            const first = await listing.next();
            const children: FileStat[] = first.value ?? [];
            // A long list that is shown already is not cut short in between.
            if (parent.children.length > children.length) {
                await this.addRest(children, listing);
            } else {
                this.showRest(parent, [...children], listing);
            }
            return await this.show(parent, children);
        } catch (error) {
            this.listings.delete(parent.id);
            if (!(error instanceof FileSystemProviderError) || error.code !== FileSystemProviderErrorCode.FileNotFound) {
                this.messagingService.error((error as Error).message);
            }
            return [];
        }
    }

    protected async addRest(children: FileStat[], listing: AsyncGenerator<FileStat[]>): Promise<boolean> {
        const { length } = children;
        for await (const page of listing) {
            children.push(...page);
        }
        return children.length > length;
    }

    protected async showRest(parent: DirNode, children: FileStat[], listing: AsyncGenerator<FileStat[]>): Promise<void> {
        try {
            const more = await this.addRest(children, listing);
            if (more && this.listings.get(parent.id) === listing && this.getNode(parent.id) === parent) {
                await this.setChildren(parent, await this.show(parent, children));
            }
        } catch {
            // What is shown stays. The folder is gone, of which a change tells, or the connection, which is shown.
        } finally {
            if (this.listings.get(parent.id) === listing) {
                this.listings.delete(parent.id);
            }
        }
    }

    protected show(parent: DirNode, children: FileStat[]): Promise<TreeNode[]> {
        parent.fileStat.children = children;
        return this.filter.filter(this.toNodes(parent.fileStat, parent));
    }

    protected override async toNodes(fileStat: FileStat, parent: CompositeTreeNode): Promise<TreeNode[]> {
        const named = (fileStat.children ?? []).map(child => ({ child, name: child.resource.path.base, node: this.toNode(child, parent) }));
        named.sort((one, other) => Number(other.child.isDirectory) - Number(one.child.isDirectory) || compare(one.name, other.name));
        return named.map(({ node }): FileStatNode => node);
    }
}
