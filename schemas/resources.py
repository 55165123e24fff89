"""What may be used at once, and what single stages take of it."""

from pydantic import Field

from schemas.base import Count, Model, Name
from schemas.flow import Size


class ResourcesConfig(Model):
    """The machine's share that builds may use. None of it decides an artifact."""

    name: Name = Field(description="Names the choice.")
    cores: Count | None = Field(description="Cores that running stages may take together; null is all that this process may use.")
    memory: Size | None = Field(description="Memory that running stages may take together (16GB); null is what the machine has.")
    pools: dict[str, Count] = Field(description="Stocks of which stages take a part, such as floating licences: {vivado: 1}.")
    stages: dict[str, dict[str, Size]] = Field(
        description="Operation -> what its runs take (cores, memory, pools), whatever is measured or declared: {train: {cores: 4}}."
    )
