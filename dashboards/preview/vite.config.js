import { defineConfig } from 'vite';

export default defineConfig({
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'globalThis' },
  build: { minify: false, target: 'esnext', chunkSizeWarningLimit: 1e6 },
});
