import { OS, OSBackendProvider } from '@theia/core/lib/common/os';
import { ContainerModule } from '@theia/core/shared/inversify';

/** Before the workbench: files and programs are on a Linux machine, whatever the browser runs on. */
export default new ContainerModule((_bind, _unbind, _isBound, rebind) => {
    const provider: OSBackendProvider = { getBackendOS: async () => OS.Type.Linux };
    rebind(OSBackendProvider).toConstantValue(provider);
});
