"""What a GPU shows of a load test, where torch sees one."""

from ai_ops.inference_management.load_test_records import ColdStart, Gpu


def held_mb() -> float | None:
    """What all processes hold on the first GPU (10**6 bytes); None where there is none."""
    import torch

    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info()
    return float(total - free) / 1e6


def figures(cold: ColdStart | None, typical_ms: float | None, grown_mb: float | None) -> Gpu:
    """The figures of a GPU: how much longer than usual the first prediction took, what was put
    on it. Without one there is nothing but that."""
    import torch

    if not torch.cuda.is_available():
        return Gpu()
    warm = None if cold is None or typical_ms is None else cold.first_prediction_ms - typical_ms
    return Gpu(torch.cuda.get_device_name(0), warm, grown_mb)
